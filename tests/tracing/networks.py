"""Networks that are written as learners write them, for the tests of tracing."""

from itertools import pairwise

import torch
import torch.nn.functional as F
from torch import nn

from skiplib.blocks import PublishedBlock, SkipConnection


class UNet(nn.Module):
    def __init__(self, levels=4, channels=2, convolutions=1):
        super().__init__()
        widths = [channels * 2**level for level in range(levels + 1)]
        self.down = nn.ModuleList(self.level(a, b, convolutions) for a, b in zip([1, *widths], widths, strict=False))
        self.pool = nn.MaxPool2d(2)
        pairs = list(pairwise(widths))
        self.up = nn.ModuleList(nn.ConvTranspose2d(b, a, 2, stride=2) for a, b in pairs)
        self.merge = nn.ModuleList(self.level(2 * a, a, convolutions) for a, _ in pairs)

    def level(self, before, after, convolutions):
        layers = []
        for place in range(convolutions):
            layers += [nn.Conv2d(after if place else before, after, 3, padding=1), nn.ReLU(inplace=True)]
        return nn.Sequential(*layers)

    def forward(self, x):
        skips = []
        for level in self.down[:-1]:
            x = level(x)
            skips.append(x)
            x = self.pool(x)
        x = self.down[-1](x)
        for i in reversed(range(len(self.up))):
            x = self.up[i](x)
            x = torch.cat([skips[i], x], 1)
            x = self.merge[i](x)
        return x


class BasicBlock(nn.Module):
    def __init__(self, before, after, stride):
        super().__init__()
        self.conv1 = nn.Conv2d(before, after, 3, stride, 1, bias=False)
        self.bn1 = nn.BatchNorm2d(after)
        self.relu = nn.ReLU(inplace=True)
        self.conv2 = nn.Conv2d(after, after, 3, 1, 1, bias=False)
        self.bn2 = nn.BatchNorm2d(after)
        self.downsample = None
        if stride > 1 or before != after:
            self.downsample = nn.Sequential(nn.Conv2d(before, after, 1, stride, bias=False), nn.BatchNorm2d(after))

    def forward(self, x):
        identity = x
        out = self.relu(self.bn1(self.conv1(x)))
        out = self.bn2(self.conv2(out))
        if self.downsample is not None:
            identity = self.downsample(x)
        out += identity
        return self.relu(out)


class ResNet18(nn.Module):
    def __init__(self, channels=2):
        super().__init__()
        c = channels
        self.stem = nn.Sequential(nn.Conv2d(3, c, 7, 2, 3), nn.BatchNorm2d(c), nn.ReLU(), nn.MaxPool2d(3, 2, 1))
        plan = [(c, c, 1), (c, c, 1), (c, 2 * c, 2), (2 * c, 2 * c, 1), (2 * c, 4 * c, 2), (4 * c, 4 * c, 1)]
        plan += [(4 * c, 8 * c, 2), (8 * c, 8 * c, 1)]
        self.layers = nn.Sequential(*(BasicBlock(*each) for each in plan))
        self.head = nn.Sequential(nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(8 * c, 10))

    def forward(self, x):
        return self.head(self.layers(self.stem(x)))


class Audio(nn.Module):
    """Runs at 16384 samples and fails at 16000: 63 with 62."""

    def __init__(self, ceil_mode=False):
        super().__init__()
        self.stem = nn.Conv1d(1, 2, 9, stride=4, padding=4)
        self.convs = nn.ModuleList(nn.Conv1d(2, 2, 9, stride=4, padding=4) for _ in range(3))
        self.pool = nn.AvgPool1d(4, ceil_mode=ceil_mode)

    def forward(self, x):
        x = self.stem(x)
        for conv in self.convs:
            x = F.relu(conv(x) + self.pool(x))
        return x


class DenseNet(nn.Module):
    def __init__(self):
        super().__init__()
        self.convs = nn.ModuleList(nn.Conv2d(2 * (place + 1), 2, 3, padding=1) for place in range(4))

    def forward(self, x):
        features = [x]
        for conv in self.convs:
            features.append(conv(torch.cat(features, 1)))
        return torch.cat(features, 1)


class SegResNet(nn.Module):
    """A way down by strided convolutions and up by resizing, with adds: fails at 65."""

    def __init__(self):
        super().__init__()
        self.down = nn.ModuleList(nn.Conv2d(2, 2, 3, stride=2, padding=1) for _ in range(3))
        self.up = nn.Upsample(scale_factor=2)

    def forward(self, x):
        kept = []
        for conv in self.down:
            kept.append(x)
            x = F.relu(conv(x))
        for before in reversed(kept):
            x = self.up(x) + before
        return x


class PoolFormer(nn.Module):
    def __init__(self):
        super().__init__()
        self.norms = nn.ModuleList(nn.GroupNorm(1, 4) for _ in range(4))
        self.mlps = nn.ModuleList(nn.Sequential(nn.Conv2d(4, 8, 1), nn.GELU(), nn.Conv2d(8, 4, 1)) for _ in range(2))
        self.pool = nn.AvgPool2d(3, stride=1, padding=1, count_include_pad=False)

    def forward(self, x):
        for place, mlp in enumerate(self.mlps):
            y = self.norms[2 * place](x)
            x = x + (self.pool(y) - y)
            x = x + mlp(self.norms[2 * place + 1](x))
        return x


class GatedBlock(nn.Module):
    """Squeeze and excitation: a gate, then the add."""

    def __init__(self):
        super().__init__()
        self.conv, self.gate = nn.Conv2d(4, 4, 3, padding=1), nn.Conv2d(4, 4, 1)

    def forward(self, x):
        y = self.conv(x)
        return x + y * torch.sigmoid(self.gate(F.adaptive_avg_pool2d(y, 1)))


class Transformer(nn.Module):
    def __init__(self):
        super().__init__()
        layer = nn.TransformerEncoderLayer(8, 2, 16, batch_first=True)
        self.position = nn.Parameter(torch.zeros(1, 6, 8))
        self.layers = nn.TransformerEncoder(layer, 3, enable_nested_tensor=False)

    def forward(self, x):
        return self.layers(x + self.position)  # a parameter: no join


class InPlace(nn.Module):
    def __init__(self, inplace=True):
        super().__init__()
        self.relu, self.conv = nn.ReLU(inplace=inplace), nn.Conv2d(3, 3, 3, padding=1)

    def forward(self, x):
        return x + self.conv(self.relu(x))


EXAMPLES = {  # and the shape that each is made for
    "published": (PublishedBlock, (1, 3, 32, 32)),
    "corrected": (SkipConnection, (1, 3, 32, 32)),
    "U-Net": (UNet, (1, 1, 20, 20)),
    "ResNet-18": (ResNet18, (1, 3, 32, 32)),
    "audio": (Audio, (1, 1, 1000)),
    "DenseNet": (DenseNet, (1, 2, 9, 9)),
    "SegResNet": (SegResNet, (1, 2, 65, 65)),
    "PoolFormer": (PoolFormer, (1, 4, 9, 9)),
    "gated": (GatedBlock, (1, 4, 9, 9)),
    "in place": (InPlace, (1, 3, 9, 9)),
}

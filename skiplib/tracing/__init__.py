"""Any ``nn.Module``, step by step: its sizes, its adds, why one fails, and repairs that were run (L1, torch)."""

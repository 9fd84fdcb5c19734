"""What ``make lab`` tells Jupyter: save an explorer's picture, not its widget, which dies with the kernel."""

WIDGET = "application/vnd.jupyter.widget-view+json"


def keep_pictures(model, **_):
    """Save an output that has a picture or a text for the eye without its widget, which JupyterLab would prefer."""
    if model["type"] == "notebook" and model["content"]["nbformat"] == 4:
        for cell in model["content"]["cells"]:
            for output in cell.get("outputs", []):
                data = output.get("data", {})
                if "text/html" in data:
                    data.pop(WIDGET, None)


c = get_config()  # noqa: F821 (Jupyter gives it)
c.FileContentsManager.pre_save_hook = keep_pictures

"""The questions that notebooks ask with ``check``, one module a lesson (layer L0 where the lesson allows)."""

"""The process that the plug-in talks to: `python -m synthetic_focus.worker`."""

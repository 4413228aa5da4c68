"""The scenes that the effect is held against, and the tracers that render them."""

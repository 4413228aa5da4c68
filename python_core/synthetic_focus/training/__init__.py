"""Training of the RGBD-HDR estimator: samples, their generator, losses, and the training itself."""

"""What a pipeline's YAML says, before anything is looked up or read."""

from ballast.methods.frame.moved import moved

__getattr__ = moved(__name__, "ballast.orchestration.spec.pipeline")

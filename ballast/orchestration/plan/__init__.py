"""What will run: a pipeline that has been checked."""

from ballast.methods.frame.moved import moved

__getattr__ = moved(__name__, "ballast.orchestration.plan.plan")

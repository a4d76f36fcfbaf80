"""Refusal of inputs that the equations are not defined for."""

import torch
from torch import Tensor


class NotFiniteError(ValueError):
    """A value that must be finite is NaN or infinite: a broken policy or world, not a programming error."""


def check_shape(name: str, tensor: Tensor, shape: tuple[int, ...]) -> None:
    """Refuses a tensor of another shape.

    Raises:
        ValueError: Naming the tensor, its shape and the expected one.
    """
    if tuple(tensor.shape) != tuple(shape):
        raise ValueError(f"{name} has shape {list(tensor.shape)}, expected {list(shape)}")


def check_groups(name: str, values: Tensor, valid: Tensor) -> None:
    """Refuses values [B, G] and their mask [B, G] unless they fit each other and every valid value is finite.

    Raises:
        ValueError: Naming what does not fit; NotFiniteError for values that are not finite.
    """
    if values.ndim != 2:
        raise ValueError(f"{name} has shape {list(values.shape)}, expected [B, G]")
    check_shape("valid", valid, tuple(values.shape))
    if valid.dtype != torch.bool:
        raise ValueError(f"valid is {valid.dtype}, expected torch.bool")
    check_floating(name, values)
    bad = valid & ~torch.isfinite(values)
    if bad.any():
        state, candidate = (int(i) for i in bad.nonzero()[0])
        raise NotFiniteError(
            f"{name} has {int(bad.sum())} valid entries that are not finite, the first one "
            f"{values[state, candidate].item()} at state {state}, candidate {candidate}"
        )


def check_series(name: str, values: Tensor) -> None:
    """Refuses anything but a floating-point series [T] of finite values.

    Raises:
        ValueError: Naming what does not fit; NotFiniteError for values that are not finite.
    """
    if values.ndim != 1:
        raise ValueError(f"{name} has shape {list(values.shape)}, expected one dimension")
    check_floating(name, values)
    bad = ~torch.isfinite(values)
    if bad.any():
        index = int(bad.nonzero()[0])
        raise NotFiniteError(
            f"{name} has {int(bad.sum())} entries that are not finite, the first one {values[index].item()} at {index}"
        )


def check_floating(name: str, tensor: Tensor) -> None:
    """Refuses integers and booleans where real numbers belong.

    Raises:
        ValueError: Naming the tensor and its type.
    """
    if not tensor.is_floating_point():
        raise ValueError(f"{name} is {tensor.dtype}, expected a floating-point type")

"""What a Dockerfile asks of the machine, and whether the user grants it. A Dockerfile may be a stranger's."""

from __future__ import annotations

from collections.abc import Collection

from ...compiler.graph.layer import ImageLayer
from ...compiler.graph.operations import Run
from ...compiler.graph.plan import LayerPlan
from ..errors import EnvironmentLackError, UsageError
from ..events import Notice, Reporter
from .worker import location_of

__all__ = ["check_rights"]

_REQUIRED = ",required"


def check_rights(plan: LayerPlan, allow: Collection[str], network: str, reporter: Reporter) -> None:
    """Refuse steps with rights that are not granted; tell of devices that they do without.

    ``allow`` holds what ``--allow`` said; ``network`` is the build's own: who chooses the machine's for all steps
    has granted it. Raises :class:`UsageError`, :class:`EnvironmentLackError`.
    """
    granted = {*allow, "network.host"} if network == "host" else set(allow)
    for layer in plan.layers:
        if not isinstance(layer.operation, Run):
            continue
        if layer.operation.security == "insecure" and "security.insecure" not in granted:
            raise UsageError(
                "RUN --security=insecure gives the step all rights of root on this machine",
                where=location_of(layer.provenance),
                help="if you trust the Dockerfile: layerc build --allow security.insecure",
            )
        if layer.operation.network == "host" and "network.host" not in granted:
            raise UsageError(
                "RUN --network=host shares the machine's network with the step: network.host is not allowed",
                where=location_of(layer.provenance),
                help="if you trust the Dockerfile: layerc build --allow network.host",
            )
        for device in layer.operation.devices:
            _check_device(device, layer, reporter)


def _check_device(device: str, layer: ImageLayer, reporter: Reporter) -> None:
    name = device.removesuffix(_REQUIRED)
    if name != device:
        raise EnvironmentLackError(
            f'required device "{name}" is not registered: steps get no devices of this machine',
            where=location_of(layer.provenance),
            help="without required the step runs without it; RUN --security=insecure shows a few of /dev",
        )
    place = (
        f"{layer.provenance.file}:{layer.provenance.line}" if layer.provenance.line else layer.provenance.file
    )
    reporter(Notice(f'optional device "{name}" is not registered: the step runs without it', place))

"""Cache decisions, layer execution, scheduling, assembly of images.

The door is :func:`layerc.runtime.engine.build.build`: ``build(request, store_root, reporter) -> BuildResult``;
:func:`layerc.runtime.engine.compile.compile_request` stops after the plan.
"""

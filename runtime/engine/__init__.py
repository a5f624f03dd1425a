"""Cache decisions, layer execution, scheduling, assembly of images.

The doors: ``engine.build.build(request, store, reporter) -> BuildResult``, and
``engine.compile.compile_request(request, store, reporter) -> LayerPlan``, which stops after the plan.
"""

"""Ways out of the compiler: one file an emitter."""

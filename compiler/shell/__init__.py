"""The POSIX shell as far as the meaning of a RUN asks for it: words, their spelling, and which programs run."""

# The CMD looks useless, for the base says the same; but ENTRYPOINT drops the base's.
FROM debian:bookworm-slim
CMD ["bash"]
ENTRYPOINT ["/bin/sh"]

"""Operations, layers, the graph over them, and questions to it."""

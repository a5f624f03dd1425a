"""How the answers of ``layerc build --call`` are written: as JSON documents, and for people."""

"""Which server is asked, which one next when it fails, and which may be asked at all."""

"""A short way for inference requests past aiohttp, which costs small ones more than all the rest."""

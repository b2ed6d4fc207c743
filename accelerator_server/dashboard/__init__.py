"""The dashboard: one page with its styles and script inside, under a policy that lets nothing else run."""

import base64
import hashlib
import re
from functools import cache
from importlib import resources

_INLINE = re.compile(r"<(style|script)>(.*?)</\1>", re.DOTALL)


@cache
def read_page(name: str) -> str:
    """Reads a page of this folder: `index.html` or `login.html`."""
    return resources.files(__name__).joinpath(name).read_text(encoding="utf-8")


@cache
def security_policy(name: str) -> str:
    """Content-Security-Policy of a page: its own styles and script by their digests, and this server.

    See https://www.w3.org/TR/CSP3/
    """
    sources: dict[str, list[str]] = {"style": [], "script": []}
    for kind, text in _INLINE.findall(read_page(name)):
        digest = base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()
        sources[kind].append(f"'sha256-{digest}'")
    inline = [f"{kind}-src {' '.join(found)}" for kind, found in sources.items() if found]
    others = ["default-src 'none'", "connect-src 'self'", "form-action 'self'"]
    return "; ".join([*others, *inline, "frame-ancestors 'none'", "base-uri 'none'"])

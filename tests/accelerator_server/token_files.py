"""Writes token files and the headers that present what is in them."""

from pathlib import Path

TOKEN = "user-token-0123456789"
OLD_TOKEN = "user-token-of-last-month"
ADMIN_TOKEN = "admin-token-0123456789"


def write_tokens(folder: Path) -> dict:
    """Writes the files of a user with two tokens and of an admin; gives the configuration that names them."""
    files = {"analysis": f"{TOKEN}\n{OLD_TOKEN}\n", "operator": f"{ADMIN_TOKEN}\n"}
    for name, content in files.items():
        path = folder / name
        path.touch(mode=0o600)
        path.write_text(content)
    return {
        "token_files": [str(folder / "analysis")],
        "admin_token_files": [str(folder / "operator")],
    }


def bearer(token: str) -> dict[str, str]:
    """The header that presents a token."""
    return {"Authorization": f"Bearer {token}"}

"""Scripts and styles: by name alone, with their type, and sent once."""

from pathlib import Path

import pytest
from asgi_calls import calls
from model_server import make_served

from pipeline.serve.pages.static_files import FILES


def test_files_have_their_type_and_are_sent_once(model_folder: Path) -> None:
    with calls(make_served(model_folder).app) as asked:
        for name, file in FILES.items():
            sent = asked.send("GET", f"/static/{name}")
            assert (sent.status_code, sent.content) == (200, file.content)
            kind = {"js": "text/javascript", "css": "text/css", "svg": "image/svg+xml"}
            assert sent.headers["content-type"].startswith(kind[name.rpartition(".")[2]])
            again = asked.send("GET", f"/static/{name}", headers={"if-none-match": file.tag})
            assert (again.status_code, again.content) == (304, b"")


@pytest.mark.parametrize(
    "name", ["", "../__init__.py", "%2e%2e/page_list.py", "vendor/VENDORED.toml", "/etc/passwd"]
)
def test_nothing_else_is_sent(model_folder: Path, name: str) -> None:
    with calls(make_served(model_folder).app) as asked:
        assert asked.send("GET", f"/static/{name}").status_code == 404

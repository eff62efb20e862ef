"""What other sites, other machines and hostile stores can make the pages do: nothing."""

from __future__ import annotations

from pathlib import Path
from urllib.parse import quote

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from artstore import Store
from tests.support.web_pages import EVERY_PAGE, Pages, serving


@pytest.mark.parametrize(
    "host", ["attacker.example", "attacker.example:80", "127.0.0.1.attacker.example", "[::1].x", ""]
)
def test_a_name_of_another_site_that_points_here_is_refused(zoo: Pages, host: str) -> None:
    answer = zoo.get("/", Host=host)
    assert (answer.status, b"zoo" in answer.body) == (403, False)


@pytest.mark.parametrize("host", ["localhost", "localhost:1", "127.0.0.1:9", "[::1]:80", "127.9.9.9"])
def test_every_name_of_this_machine_is_answered(zoo: Pages, host: str) -> None:
    assert zoo.get("/", Host=host).status == 200


def test_requests_from_other_sites_are_refused(zoo: Pages) -> None:
    assert zoo.get("/", Origin="https://attacker.example").status == 403
    assert zoo.get("/", Origin="null").status == 403
    assert zoo.get("/", method="POST", Origin="https://attacker.example").status == 403
    assert zoo.get("/runs.json", Sec_Fetch_Site="cross-site", Sec_Fetch_Mode="no-cors").status == 403
    # A link on another site may lead here.
    assert zoo.get("/", Sec_Fetch_Site="cross-site", Sec_Fetch_Mode="navigate", Sec_Fetch_Dest="document").status == 200
    assert zoo.get("/", Sec_Fetch_Site="cross-site", Sec_Fetch_Mode="navigate", Sec_Fetch_Dest="iframe").status == 403


@pytest.mark.parametrize("method", ["POST", "PUT", "DELETE", "PATCH", "OPTIONS", "TRACE"])
def test_pages_only_read(zoo: Pages, method: str) -> None:
    assert zoo.get("/runs", method=method).status in (403, 405)


def test_other_machines_need_the_token(zoo: Pages) -> None:
    with serving(zoo.store, "--host", "0.0.0.0") as served:
        token = served.url.partition("?token=")[2]
        assert len(token) > 20
        pages = Pages(f"http://127.0.0.1:{served.url.split(':')[2].split('/')[0]}/", zoo.store)
        for path in ("/", "/runs.json", "/static/style.css", "/artifacts/zoo/animals/v1/content?path=cats/a.txt"):
            assert pages.get(path).status == 401
        assert pages.get("/", Authorization=f"Bearer {token[:-1]}").status == 401
        assert pages.get("/", Cookie="artstore_token=; artstore_token=x").status == 401
        assert pages.get("/?token=").status == 401
        assert pages.get("/?token=%C3%A9").status == 401
        assert pages.get("/runs.json", Authorization=f"Bearer {token}").status == 200
        entered = pages.get(f"/runs?q=train&token={token}")
        assert (entered.status, entered.headers["Location"]) == (303, "/runs?q=train")
        cookie = entered.headers["Set-Cookie"]
        assert "HttpOnly" in cookie and "SameSite=strict" in cookie
        assert pages.get("/runs", Cookie=cookie.partition(";")[0]).status == 200
        assert pages.get(f"//attacker.example/?token={token}").headers["Location"].startswith("/attacker")


@pytest.mark.parametrize("path", EVERY_PAGE)
def test_no_stored_text_becomes_markup(zoo: Pages, path: str) -> None:
    answer = zoo.get(path)
    assert answer.status == 200
    assert "<img src=x" not in answer.text
    assert "{{" not in answer.text.replace("{{7*7}}", "")
    assert "$49" not in answer.text
    policy = answer.headers["Content-Security-Policy"] or ""
    assert "default-src 'none'" in policy and "unsafe-inline" not in policy and "frame-ancestors 'none'" in policy
    assert answer.headers["X-Content-Type-Options"] == "nosniff"


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    st.text(min_size=1, max_size=40).map(lambda text: f"{text}<i id=owned>\"'><script>{text}"),
    st.sampled_from(["/runs?q=", "/search?q=", "/artifacts?q=", "/artifacts/zoo/animals/v1?folder=", "/lineage?of="]),
)
def test_no_text_of_an_address_becomes_markup(zoo: Pages, text: str, page: str) -> None:
    answer = zoo.get(page + quote(text.encode("utf-8", "replace")))
    assert answer.status in (200, 400, 404)
    assert "<i id=owned" not in answer.text and "<script>" not in answer.text
    assert "Traceback" not in answer.text


@pytest.mark.parametrize(
    "path",
    [
        "/static/../app.py",
        "/static/%2e%2e/app.py",
        "/static/..%2fapp.py",
        "/static/%2e%2e%2f%2e%2e%2f%2e%2e%2fetc/passwd",
        "/static//etc/passwd",
        "/artifacts/zoo/animals/v1/content?path=../../artstore.db",
        "/artifacts/zoo/animals/v1/content?path=/etc/passwd",
        "/artifacts/zoo/animals/v1/content?path=%00",
        "/artifacts/zoo/../../artstore.db/v1",
        "/artifacts/zoo/animals/v1/content?path=cats",
        "/artifacts/%2e%2e/%2e%2e/v1/content?path=artstore.db",
        "/artifacts/zoo/animals/v99999999999999999999999/content?path=a",
        "/runs?after=99999999999999999999999",
        "/runs/zoo/%00/overview",
        "/events?before=-1",
        "/lineage?of=zoo/animals:v1&hops=1e9",
    ],
)
def test_nothing_outside_the_store_is_reachable(zoo: Pages, path: str) -> None:
    answer = zoo.get(path)
    assert answer.status in (400, 404)
    assert b"root:" not in answer.body and b"SQLite" not in answer.body and b"import" not in answer.body


@pytest.mark.parametrize("path", ["report.html", "drawing.svg", "cats/a.txt", "raw.bin"])
def test_content_is_an_attachment_with_an_origin_of_its_own(zoo: Pages, path: str) -> None:
    headers = zoo.get(f"/artifacts/zoo/animals/v1/content?path={path}").headers
    assert (headers["Content-Disposition"] or "").startswith("attachment")
    assert (headers["Content-Security-Policy"] or "").startswith("sandbox;")
    assert headers["X-Content-Type-Options"] == "nosniff"
    assert "html" not in (headers["Content-Type"] or "")
    sandboxed = zoo.get(f"/artifacts/zoo/animals/v1/sandbox?path={path}").headers["Content-Security-Policy"] or ""
    assert sandboxed.startswith("sandbox allow-scripts; default-src 'none'") and "allow-same-origin" not in sandboxed


def test_a_name_of_a_file_cannot_add_headers(tmp_path: Path) -> None:
    name = 'x"\r\nSet-Cookie: owned=1; \n.png'
    with Store.init(tmp_path / "store") as store:
        draft = store.draft("a", "t")
        store.add_bytes(draft, b"x", name)
        store.commit(draft)
    with serving(tmp_path / "store") as pages:
        answer = pages.get(f"/artifacts/uncategorized/a/v0/content?path={quote(name)}")
        assert (answer.status, answer.headers["Set-Cookie"]) == (200, None)

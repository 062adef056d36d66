"""The page "Updraft" in Airflow's navigation, and the page's numbers."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

from airflow.configuration import conf
from fastapi import APIRouter, HTTPException, Request, Response
from fastapi.responses import FileResponse

from airflow_updraft.plugin.access import Caller, SignedIn, require_operator, who_is
from airflow_updraft.plugin.desk import TheDesk
from airflow_updraft.plugin.overview import overview
from airflow_updraft.plugin.problems import explained
from airflow_updraft.plugin.routes import answer_json, to_bytes
from airflow_updraft.sync.run import OVERDUE_DAYS

router = APIRouter()

STATIC = Path(__file__).parent / "static"
MEDIA_TYPES = {"html": "text/html", "js": "text/javascript", "css": "text/css"}

PAGE_HEADERS = {
    # Everything comes from here, nothing inline; and only Airflow may show the page in a frame.
    "Content-Security-Policy": (
        "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; "
        "base-uri 'none'; form-action 'none'; frame-ancestors 'self'"
    ),
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "Cache-Control": "no-cache",
}


@router.get("/overview")
async def get_overview(request: Request, caller: Caller, desk: TheDesk) -> Response:
    """Devices, collections and rejections. For operators: see ``require_operator``."""

    def work() -> Response:
        with explained():
            require_operator(request, caller)
            overdue_days = conf.getfloat("updraft", "overdue_days", fallback=OVERDUE_DAYS)
            return answer_json(
                request, to_bytes(overview(desk.store.open(), overdue_days, datetime.now(UTC)))
            )

    return await desk.overview_gate.run(work, who_is(caller))


@router.get("/page")
@router.get("/page.{kind}")
async def get_page(_: SignedIn, kind: str = "html") -> Response:
    """Return a file of the page: without data, so a signed-in browser's cookie is enough."""
    if kind not in MEDIA_TYPES:
        raise HTTPException(404)
    return FileResponse(STATIC / f"page.{kind}", headers=PAGE_HEADERS, media_type=MEDIA_TYPES[kind])

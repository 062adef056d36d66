"""Checks through the network: the routes of the plugin, by the address that devices use."""

from __future__ import annotations

from contextlib import suppress
from urllib.parse import urlsplit

import httpx

from airflow_updraft.check.finding import Verdicts, failed, ok, skipped, warning
from airflow_updraft.check.site import Site
from airflow_updraft.check.user import (
    NAME_ONE,
    UnaskableManagerError,
    UnknownUserError,
    token_of,
)
from airflow_updraft.limits import LIMITS

SECONDS_MAX = 5.0
_ROUTES = "/updraft/v1"
_RESTART = "install airflow-provider-updraft where the API server runs, and restart it"
_NGINX = "proxy_pass http://airflow-api:8080;   (docs/install.md, One origin)"
_WHY = "devices do not reach the plugin; they wait, or go by DAG runs"


def _client(site: Site, **headers: str) -> httpx.Client:
    # The way devices go: not by a proxy that this host's environment names.
    base = site.address() + _ROUTES
    return httpx.Client(
        base_url=base, headers={"X-Updraft": "1"} | headers, timeout=SECONDS_MAX, trust_env=False
    )


def check_hello(site: Site) -> Verdicts:
    """The plugin itself answers at the address, and asks for a sign-in."""
    address = site.address()
    if not address:
        yield skipped(
            "[api] base_url is not set: name the address, --url https://field.example/airflow"
        )
        return
    try:
        with _client(site) as client:
            answer = client.get("/hello")
    except (httpx.HTTPError, httpx.InvalidURL, OSError) as error:
        # The words of such an error name hosts and certificates.
        what = f"{address} cannot be reached: {error or type(error).__name__}"
        yield failed(
            what, _WHY, f"curl -i {address}{_ROUTES}/hello   (then start API server or proxy)"
        )
        return
    yield from _who_answers(answer, address)


def _who_answers(answer: httpx.Response, address: str) -> Verdicts:
    status, kind = answer.status_code, answer.headers.get("content-type", "").partition(";")[0]
    look = f"curl -i {address}{_ROUTES}/hello"
    if answer.is_redirect:
        host = urlsplit(answer.headers.get("location", "")).netloc or "another path"
        what = f"{address} sends on to {host} ({status}): a sign-in page, or http to https"
        mend = (
            "let the proxy pass /updraft/ and /api/ with Airflow's own credentials, or correct "
            "the URL"
        )
        yield failed(what, "a worker cannot sign in there: it stops at the page", mend)
    elif status >= 500:
        yield failed(
            f"{address} answers {status}", _WHY, f"{look}   (then the logs of proxy and API server)"
        )
    elif kind == "text/html" and "airflow" in answer.text.lower():
        what = f"{address} is Airflow, without the plugin: it answers /updraft/v1 with a page"
        yield failed(what, _WHY, _RESTART)
    elif kind == "text/html":
        what = f"{address} answers with a page ({status}), not with Airflow's JSON"
        why = "a proxy or another server answers in Airflow's place"
        yield failed(what, why, f"{look}   (then the proxy's routes: {_NGINX})")
    elif status == 404:
        what = f"{address} has no route {_ROUTES}/hello (404)"
        yield failed(
            what, _WHY, f"correct the path: airflow config get-value api base_url; {_RESTART}"
        )
    elif status == 401 and "detail" in answer.text:
        yield ok(f"{address}{_ROUTES} asks for a sign-in")
    elif status == 200 and "protocol" in answer.text:
        what = f"{address} lets everybody in without a sign-in"
        why = "every device is the same user, and an administrator"
        yield warning(what, why, "export AIRFLOW__CORE__SIMPLE_AUTH_MANAGER_ALL_ADMINS=False")
    else:
        yield failed(f"{address} answers {status} {kind}", _WHY, look)


def check_authorization(site: Site) -> Verdicts:
    """The header Authorization reaches Airflow: a token that is none is refused as a token."""
    with _client(site, Authorization="Bearer updraft-check") as client:
        answer = client.get("/hello")
    if "Invalid JWT" in answer.text:
        yield ok("the header Authorization reaches Airflow")
    elif "Not authenticated" in answer.text:
        what = "the header Authorization does not reach Airflow"
        why = "apps that sign in with a token (getToken) are asked to sign in for ever"
        mend = (
            "proxy_set_header Authorization $http_authorization;   (nginx; and no auth_basic of "
            "its own)"
        )
        yield failed(what, why, mend)
    else:
        yield skipped(f"a token that is none is answered {answer.status_code}")


def check_request_size(site: Site) -> Verdicts:
    """A request as large as an exchange may be is let through."""
    size = LIMITS["plugin"].request_bytes_max
    status = 0
    with suppress(httpx.HTTPError), _client(site) as client:
        status = client.post("/exchange", content=bytes(size)).status_code
    if status == 413:
        what = f"a request of {size:,} bytes is refused (413)"
        why = "batches are split until they pass: slower, and a large record may not pass at all"
        yield failed(what, why, "client_max_body_size 2m;   (nginx)")
    elif status in (401, 403):
        yield ok(f"requests of {size:,} bytes pass")
    else:
        yield skipped(f"the answer to a large request was {status or 'none'}")


def check_signed_in(site: Site) -> Verdicts:
    """The named user is let in, and the API server has this store and these collections."""
    if (token := _token(site)) is None:
        yield skipped(NAME_ONE if not site.user else f"{site.user} cannot be signed in from here")
        return
    with _client(site, Authorization=f"Bearer {token}") as client:
        answer = client.get("/hello")
    restart = "give the API server this command's environment, and restart it"
    if "Invalid JWT" in answer.text:
        what = "the API server refuses a token that was signed here"
        why = (
            "[api_auth] jwt_secret differs: with several API servers each refuses the others' "
            "tokens"
        )
        yield failed(
            what,
            why,
            "export AIRFLOW__API_AUTH__JWT_SECRET=…   (the same in every part of Airflow)",
        )
    elif answer.status_code == 403:
        what = f"the API server answers {site.user} 403"
        yield failed(what, "every request of their devices is refused", "see the finding user")
    elif answer.status_code != 200:
        detail = _detail(answer)
        what = f"the API server answers {answer.status_code}: {detail}"
        yield failed(what, "its own environment differs, or its store does not answer", restart)
    else:
        body = answer.json()
        if body["epoch"] != site.head.epoch:
            what = (
                f"the API server has another store (epoch {body['epoch']}, here {site.head.epoch})"
            )
            yield failed(what, "devices and DAGs see different records", restart)
            return
        here = {name for name, c in site.collections.items() if c.read != "none"}
        told = set(body["collections"]) - (
            set(site.collections) - here
        )  # without those that are only written
        if lost := sorted(here ^ told):
            what = f"the API server declares other collections than this command: {', '.join(lost)}"
            why = (
                "it reads another collections.json, or has yet to notice an edit, which takes a "
                "minute"
            )
            yield failed(what, why, restart)
            return
        yield ok(f"{site.user} is let in, and the store is the same")


def _detail(answer: httpx.Response) -> str:
    with suppress(ValueError, KeyError, TypeError):
        return str(answer.json()["detail"]["message"])
    return str(answer.headers.get("content-type", "no content"))


def _token(site: Site) -> str | None:
    if not site.user:
        return None
    with suppress(UnknownUserError, UnaskableManagerError):
        return token_of(site.user)
    return None


def check_live(site: Site) -> Verdicts:
    """The stream of news comes line by line, and is held back by nobody on the way."""
    token = _token(site)
    what = f"the first line of the live stream did not come within {SECONDS_MAX:.0f} s"
    why = "a proxy buffers it: open pages learn of news by polling alone, and streams pile up"
    mend = (
        "proxy_buffering off;   (nginx, at Airflow's location; and no gzip of application/x-ndjson)"
    )
    try:
        with (
            _client(site, Authorization=f"Bearer {token}") as client,
            client.stream("GET", "/live") as answer,
        ):
            if answer.status_code != 200:
                yield skipped(f"the live stream is answered {answer.status_code}")
                return
            first = next(answer.iter_lines(), "")
    except httpx.TimeoutException:
        yield failed(what, why, mend)
        return
    except httpx.HTTPError as error:
        yield failed(f"the live stream broke: {type(error).__name__}", why, mend)
        return
    if '"heads"' not in first:
        yield failed("the live stream gives no heads", why, mend)
        return
    yield ok("the live stream comes line by line")

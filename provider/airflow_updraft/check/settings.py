"""Checks of the plugin as this process sees it, and of ``[api]``: base_url and CORS."""

from __future__ import annotations

import difflib
import os
from importlib.metadata import entry_points
from typing import Any
from urllib.parse import urlsplit

from airflow.configuration import conf

from airflow_updraft.check.finding import Verdicts, failed, ok, warning
from airflow_updraft.check.site import Site
from airflow_updraft.discreet import describe
from airflow_updraft.provider_info import get_provider_info

_HERE = ("localhost", "127.0.0.1", "::1")
METHODS, HEADERS = (
    ("GET", "POST", "PATCH"),
    ("authorization", "content-type", "content-encoding", "x-updraft"),
)


def check_plugin(site: Site) -> Verdicts:
    """The plugin is installed once, and can be loaded."""
    if site.on_page:
        yield ok("this page is a part of it")
        return
    why = "the API server has no routes /updraft/v1, and devices must go by DAG runs"
    found = list(entry_points(group="airflow.plugins", name="updraft"))
    if not found:
        what = "no entry point airflow.plugins of the name updraft"
        yield failed(
            what,
            why,
            "pip install --force-reinstall airflow-provider-updraft   (for the API server)",
        )
        return
    try:
        plugin = found[0].load()()
        prefixes = [app["url_prefix"] for app in plugin.fastapi_apps]
    except Exception as error:
        # An import's error quotes no records, and names the module.
        words = str(error) if isinstance(error, ImportError) else describe(error)
        what = f"the plugin cannot be loaded: {words}"
        yield failed(what, why, "pip install --upgrade airflow-provider-updraft; airflow plugins")
        return
    yield ok(f"{plugin.name}, with {', '.join(prefixes)}")


def check_options(site: Site) -> Verdicts:
    """Each option of ``[updraft]`` is known, and each number in it is one, above 0."""
    options: dict[str, dict[str, Any]] = get_provider_info()["config"]["updraft"]["options"]
    found = [*_unknown(options)]
    for name, option in options.items():
        value = site.option("updraft", name, str(option["default"]))
        if option["type"] in ("integer", "float") and not _is_above_zero(value, option["type"]):
            what = f"[updraft] {name} is {value!r}, and must be a number above 0"
            why = "its default is used, or the task that needs it fails"
            found.append(
                failed(what, why, f"export AIRFLOW__UPDRAFT__{name.upper()}={option['default']}")
            )
    yield from found or [ok(f"{len(options)} options of [updraft] are valid")]


def _is_above_zero(value: str, kind: str) -> bool:
    try:
        return (int(value) if kind == "integer" else float(value)) > 0
    except ValueError:
        return False


def _unknown(options: dict[str, Any]) -> Verdicts:
    """The options that somebody sets and nobody reads; their values are not told."""
    prefix = "AIRFLOW__UPDRAFT__"
    given = {name.removeprefix(prefix).lower() for name in os.environ if name.startswith(prefix)}
    given |= set(conf.getsection("updraft") or {})
    endings = ("", "_cmd", "_secret")
    known = {f"{name}{ending}" for name in options for ending in endings}
    for name in sorted(given - known):
        meant = difflib.get_close_matches(name, options, n=1)
        hint = f": did you mean {meant[0]}?" if meant else ""
        mend = f"unset {prefix}{name.upper()}" + (
            f"; export {prefix}{meant[0].upper()}=…" if meant else ""
        )
        yield warning(f"[updraft] has no option {name}{hint}", "nobody reads it", mend)


def check_base_url(site: Site) -> Verdicts:
    """``[api] base_url`` is an address by which a browser may use a service worker."""
    base = site.option("api", "base_url")
    why = "cookie and links are made for this address; the worker's requests go elsewhere"
    mend = (
        "export AIRFLOW__API__BASE_URL=https://field.example/airflow   (then restart the API "
        "server)"
    )
    if not base:
        yield warning("[api] base_url is not set", why, mend)
        return
    for url in filter(None, (base, site.url)):
        parts = urlsplit(url)
        if parts.scheme not in ("http", "https") or not parts.hostname:
            yield failed(f"{url} is no URL", why, mend)
            return
        if parts.scheme == "http" and parts.hostname not in _HERE:
            why = (
                "browsers run service workers over https alone (and on localhost): no device "
                "could sync"
            )
            yield failed(f"{url} is not https", why, mend)
            return
    path, public = (urlsplit(url).path.rstrip("/") for url in (base, site.url or base))
    if path != public:
        what = f"[api] base_url has the path {path or '/'!r}, devices come by {public or '/'!r}"
        yield failed(what, why, f"export AIRFLOW__API__BASE_URL={site.url}")
        return
    yield ok(base)


def check_cors(site: Site) -> Verdicts:
    """Methods and headers that a device sends are allowed wherever other origins are."""
    origins, methods, headers = (
        [
            part.strip()
            for part in site.option("api", f"access_control_allow_{what}").split(",")
            if part.strip()
        ]
        for what in ("origins", "methods", "headers")
    )
    if not (origins or methods or headers):
        yield ok("one origin: app and Airflow share theirs")
        return
    found = [
        *_origin_problems(origins),
        *_lacking("methods", methods, METHODS),
        *_lacking("headers", headers, HEADERS),
    ]
    yield from found or [ok(f"allowed origins: {', '.join(origins)}")]


def _origin_problems(origins: list[str]) -> Verdicts:
    mend = "export AIRFLOW__API__ACCESS_CONTROL_ALLOW_ORIGINS="
    if not origins:
        what = "[api] access_control_allow_methods or _headers is set, and no origin is allowed"
        yield failed(what, _CORS, f"{mend}https://app.example")
    for origin in origins:
        parts = urlsplit(origin)
        if origin == "*":
            what = "[api] access_control_allow_origins is *"
            why = "browsers send no credentials to it, and Airflow 3.3 does not start with it"
            yield failed(what, why, f"{mend}https://app.example")
        elif parts.path:
            what = (
                f"[api] access_control_allow_origins: {origin} has a path or ends with /, an "
                "origin does not"
            )
            yield failed(what, _CORS, f"{mend}{parts.scheme}://{parts.netloc}")


def _lacking(name: str, given: list[str], needed: tuple[str, ...]) -> Verdicts:
    known = {word.lower() for word in given}
    lost = [word for word in needed if word.lower() not in known and "*" not in known]
    if lost:
        what = f"[api] access_control_allow_{name} lacks {', '.join(lost)}"
        mend = f"export AIRFLOW__API__ACCESS_CONTROL_ALLOW_{name.upper()}={','.join(needed)}"
        # Answers to tasks that wait for a person alone need it.
        yield (warning if lost == ["PATCH"] else failed)(what, _CORS, mend)


_CORS = "the browser refuses the requests of an app of another origin before they are sent"

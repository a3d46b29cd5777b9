"""For python3-requests: a Session whose requests the agent builds and signs.

    with chancery_requests.Session(chancery.Client("binance-main")) as binance:
        binance.post("https://api.binance.com/api/v3/order", data={"symbol": "LTCBTC", "side": "BUY", ...})

Method, host, path and parameters come from the call; the URL, headers and body that are sent come from the agent. So use
it for private calls only. Refusals are exceptions of type chancery.ChanceryError.
"""

import urllib.parse

import requests


class Session(requests.Session):
    def __init__(self, client):
        super().__init__()
        self.client = client

    def request(self, method, url, params=None, data=None, json=None, headers=None, **options):
        parts = urllib.parse.urlsplit(url)
        query = urllib.parse.parse_qsl(parts.query, strict_parsing=True) if parts.query else ()
        given = json if isinstance(json, list) else _together(query, params, data, json)
        finished = self.client.sign(method.upper(), parts.path, given, parts.netloc)

        prepared = self.prepare_request(
            requests.Request(
                finished.method, finished.url, headers={**(headers or {}), **finished.headers}, data=finished.body
            )
        )
        prepared.url = finished.url  # requests would encode it again, and the signature is for this spelling
        options |= self.merge_environment_settings(
            finished.url, options.get("proxies") or {}, options.get("stream"), options.get("verify"), options.get("cert")
        )
        options["allow_redirects"] = False  # a signed request is for this host only
        return self.send(prepared, **options)


def _together(*parts):
    """Merges the parameters, wherever the caller put them; the agent's profile knows which of them go into the query."""
    given = {}
    for part in parts:
        for name, value in part.items() if hasattr(part, "items") else part or ():
            if name in given:
                raise ValueError(f"parameter '{name}' is given twice")
            given[name] = value
    return given

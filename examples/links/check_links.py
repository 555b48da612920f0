#!/usr/bin/env python3
"""Checks the links of a page that two mirrors have: each link must be there on one of them.

    gatherd serve --listen unix:/tmp/gatherd.sock --http.allow 'www.example.org,mirror.example.org' &
    export GATHERD_CONNECT=unix:/tmp/gatherd.sock
    check_links.py https://www.example.org https://mirror.example.org /index.html

The first mirror is asked; the second, too, when that fails or takes half a second. What neither has is tried three times in all.
Links are checked at the same time, twenty at most, by one request to the daemon. Exit status 1: a link is broken.

It needs the package of clients/python. http.allow is the list of hosts that the daemon may reach.
"""

import sys
from html.parser import HTMLParser
from urllib.parse import urljoin, urlsplit

import gatherd.sync


class Links(HTMLParser):
    """The paths of this site that a page links to."""

    def __init__(self, page):
        super().__init__()
        self.page = page
        self.paths = set()

    def handle_starttag(self, tag, attributes):
        for name, value in attributes:
            if name in ("href", "src") and value:
                link = urlsplit(urljoin(self.page, value))
                if not link.netloc and link.scheme in ("", "http", "https"):
                    self.paths.add(link.path)


def from_a_mirror(g, mirrors, path, method):
    """A plan: the answer of the first mirror that has it."""
    urls = [g.call("str.join", "", [mirror, path]) for mirror in mirrors]
    asked = [g.call("http.request", url=url, method=method, timeout=10, check=True) for url in urls]
    return g.retry(g.any(*asked, stagger=0.5), attempts=3, delay=0.05, factor=2)


def check(mirrors, page):
    with gatherd.sync.connect() as g:
        links = Links(page)
        links.feed(g.run(from_a_mirror(g, mirrors, page, "GET"))["body"])
        paths = sorted(links.paths)
        found = g.run(g.map(lambda path: from_a_mirror(g, mirrors, path, "HEAD"), paths, return_exceptions=True, limit=20))
    broken = 0
    for path, answer in zip(paths, found):
        if isinstance(answer, Exception):
            broken += 1
            print(f"broken  {path}")
            for each in getattr(answer, "exceptions", [answer]):
                print(f"        {each}")
        else:
            print(f"ok      {path} ({urlsplit(answer['url']).netloc})")
    print(f"{broken} of {len(paths)} links are broken")
    return 1 if broken else 0


if __name__ == "__main__":
    if len(sys.argv) != 4:
        sys.exit(__doc__)
    sys.exit(check(sys.argv[1:3], sys.argv[3]))

"""Search the small archive and download a file, from a server that this script plays."""

import json
import sys
import tempfile
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

from sunpy.net import Fido
from sunpy.net import attrs as a

sys.path.insert(0, str(Path(__file__).parent))
from soar import client, service  # noqa: F401 - the client registers itself
from soar.attrs import Product

NAMES = ["begin_time", "end_time", "instrument", "descriptor", "filename", "data_item_id", "filesize"]
ITEM = "solo_L2_mag-rtn-normal_20260110"
ROW = ["2026-01-10T00:00:00.0", "2026-01-11T00:00:00.0", "MAG", "mag-rtn-normal", f"{ITEM}_V01.cdf", ITEM, 4]


class Server(BaseHTTPRequestHandler):
    """Answer queries with one row, and requests for files with four bytes."""

    def do_GET(self):
        """Answer a request."""
        answer = {"metadata": [{"name": name} for name in NAMES], "data": [ROW]}
        body = json.dumps(answer).encode() if "/tap/sync?" in self.path else b"data"
        self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *args):
        """Print nothing."""


def main():
    """Run the example, and return the table and the files."""
    with ThreadingHTTPServer(("127.0.0.1", 0), Server) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        service.URL = f"http://127.0.0.1:{server.server_port}/soar-sl-tap/tap"
        found = Fido.search(a.Time("2026-01-10", "2026-01-11"), Product("mag-rtn-normal"))
        files = Fido.fetch(found, path=tempfile.mkdtemp() + "/{provider}/{instrument}/{file}")
        server.shutdown()
    return found["soar"], [Path(file) for file in files]


if __name__ == "__main__":
    table, paths = main()
    print(table)
    print("/".join(paths[0].parts[-3:]), paths[0].read_bytes())

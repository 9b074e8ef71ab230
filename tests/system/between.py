"""A server on loopback that a test puts in the place of another, or in front of it."""
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer


class Between:
    """Each POST is answered by `answer(body, kind)`: status, kind and body; None ends the connection without a word. For `with`."""

    def __init__(self, answer):
        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_POST(self):
                reply = answer(self.rfile.read(int(self.headers["Content-Length"])), self.headers["Content-Type"])
                if reply is None:
                    self.close_connection = True
                    return
                self.send_response(reply[0])
                self.send_header("Content-Type", reply[1])
                self.send_header("Content-Length", str(len(reply[2])))
                self.end_headers()
                self.wfile.write(reply[2])

            def log_message(self, *_):
                pass

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        threading.Thread(target=self.server.serve_forever, daemon=True).start()
        self.url = f"http://127.0.0.1:{self.server.server_port}"

    def close(self):
        self.server.shutdown()
        self.server.server_close()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()

"""One thread that serves all connections: sockets that never block, and what is to happen later.

It was not compared with asyncio. A connection reads one request at a time, and the next one only once the first has been
answered; so an answer that never comes also holds up what was sent after it.
"""

import heapq
import itertools
import select
import socket
import ssl
import struct
import time

import http1

CHUNK = 64 * 1024
READ, WRITE = select.EPOLLIN, select.EPOLLOUT


class Loop:
    def __init__(self):
        self.poll = select.epoll()
        self.handlers = {}
        self.timers = []
        self.ties = itertools.count()
        self.is_running = True

    def add(self, descriptor, handler, events=READ):
        self.handlers[descriptor] = handler
        self.poll.register(descriptor, events)

    def change(self, descriptor, events):
        self.poll.modify(descriptor, events)

    def remove(self, descriptor):
        if self.handlers.pop(descriptor, None):
            self.poll.unregister(descriptor)

    def later(self, ms, act):
        heapq.heappush(self.timers, (time.monotonic() + ms / 1000, next(self.ties), act))

    def run(self):
        while self.is_running:
            wait = max(0, self.timers[0][0] - time.monotonic()) if self.timers else -1
            for descriptor, events in self.poll.poll(wait):
                handler = self.handlers.get(descriptor)
                if handler:
                    handler(events)
            now = time.monotonic()
            while self.timers and self.timers[0][0] <= now:
                heapq.heappop(self.timers)[2]()

    def listen(self, port, serve):
        """Returns the port. Calls `serve(socket)` for each connection."""
        listener = socket.create_server(("127.0.0.1", port), backlog=512)
        listener.setblocking(False)

        def accept(_events):
            try:
                while True:
                    accepted, _ = listener.accept()
                    accepted.setblocking(False)
                    accepted.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
                    serve(accepted)
            except BlockingIOError:
                pass

        self.add(listener.fileno(), accept)
        return listener.getsockname()[1]


class Connection:
    """`handle(request, connection)` is called for each request; it, or what it puts off, calls send() and then finish()
    or one of the ends."""

    numbers = itertools.count(1)

    def __init__(self, loop, sock, handle, context=None, broken=None):
        self.loop = loop
        self.sock = sock
        self.handle = handle
        self.broken = broken or (lambda _why: None)
        self.number = next(self.numbers)
        self.requests = 0
        self.read = bytearray()
        self.unsent = bytearray()
        self.is_busy = False
        self.is_open = True
        self.is_shaking = context is not None
        self.is_ending = False
        self.on_gone = None  # called if the client leaves before it has its answer
        if context:
            self.sock = context.wrap_socket(sock, server_side=True, do_handshake_on_connect=False)
            self.sock.connection = self
        loop.add(self.sock.fileno(), self.on_event)

    # ---- what the socket reports ----

    def on_event(self, events):
        try:
            if self.is_shaking:
                self.shake()
            if self.unsent and events & WRITE:
                self.flush()
            if self.is_open and not self.is_shaking and events & ~WRITE:
                self.fill()
        except (ssl.SSLWantReadError, ssl.SSLWantWriteError, BlockingIOError):
            pass
        except (ssl.SSLError, OSError) as error:
            if self.is_shaking:
                self.broken(str(error))
            self.gone()

    def shake(self):
        try:
            self.sock.do_handshake()
        except ssl.SSLWantWriteError:
            self.loop.change(self.sock.fileno(), READ | WRITE)
            raise
        self.is_shaking = False
        self.loop.change(self.sock.fileno(), READ)

    def fill(self):
        data = b""
        while True:
            try:
                data = self.sock.recv(CHUNK)
            except (ssl.SSLWantReadError, BlockingIOError):
                break
            if not data:
                self.gone()
                return
            self.read += data
            if isinstance(self.sock, ssl.SSLSocket):
                if not self.sock.pending():
                    break
            elif len(data) < CHUNK:
                break
        self.go_on()

    def gone(self):
        if self.on_gone and self.is_busy:
            self.on_gone()
        self.close()

    def go_on(self):
        while self.is_open and not self.is_busy and self.read:
            try:
                request = http1.parse(self.read, lambda: self.send(b"HTTP/1.1 100 Continue\r\n\r\n"))
            except http1.BadHttp as error:
                self.broken(str(error))
                self.send(http1.head(400, "Content-Length: 0", "Connection: close"))
                self.close_when_sent()
                return
            if request is None:
                return
            self.requests += 1
            request.connection = self.number
            request.nth = self.requests
            self.is_busy = True
            self.handle(request, self)

    # ---- for handlers ----

    def send(self, data):
        if not self.is_open:
            return
        if self.unsent:
            self.unsent += data
            return
        view = memoryview(data)
        try:
            while view:
                view = view[self.sock.send(view[:CHUNK]) :]
        except (ssl.SSLWantWriteError, ssl.SSLWantReadError, BlockingIOError):
            self.unsent += view
            self.loop.change(self.sock.fileno(), READ | WRITE)
        except (ssl.SSLError, OSError):
            self.close()

    def flush(self):
        try:
            while self.unsent:
                sent = self.sock.send(bytes(self.unsent[:CHUNK]))
                del self.unsent[:sent]
        except (ssl.SSLWantWriteError, ssl.SSLWantReadError, BlockingIOError):
            return
        self.loop.change(self.sock.fileno(), READ)
        if self.is_ending:
            self.close()

    def finish(self):
        """The answer is complete."""
        self.is_busy = False
        self.on_gone = None

    def finish_later(self):
        """As finish(), for answers that were put off: what was sent meanwhile is read now."""
        self.finish()
        if self.is_open:
            self.go_on()

    def close_when_sent(self):
        self.is_busy = True
        self.is_ending = True
        if not self.unsent:
            self.close()

    def close(self):
        if self.is_open:
            self.is_open = False
            self.loop.remove(self.sock.fileno())
            self.sock.close()

    def reset(self):
        """Closes so that the client's kernel reports a reset."""
        if self.is_open:
            self.sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.close()

from __future__ import annotations

import socket

from elt.testing.apis.serving import listening


def test_small_answers_are_sent_at_once():
    with listening(0) as listener:
        assert listener.proto == socket.IPPROTO_TCP

from eventproc.runtime.part_messages import Done, MessageReader, PartResult, Stop, encode


def test_messages_come_whole_however_their_bytes_come():
    messages = [Done(3), Stop(15), PartResult(events_read=7)]
    sent = b"".join(map(encode, messages))
    for size in (1, 5, len(sent)):
        reader = MessageReader()
        pieces = [sent[i : i + size] for i in range(0, len(sent), size)]
        assert [message for piece in pieces for message in reader.feed(piece)] == messages


def test_what_came_behind_the_first_message_is_there_for_the_next_listener():
    reader = MessageReader()
    first = next(reader.feed(encode(Done(1)) + encode(Stop(2))))
    assert first == Done(1)
    assert list(reader.feed(b"")) == [Stop(2)]

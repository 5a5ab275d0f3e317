"""The milter's job as an operator would write it: pymilter, ldap3 and psycopg2.

A flagged person's mail is kept in memory, recorded in PostgreSQL with its facts, and quarantined. All
other mail is accepted at MAIL. Whatever fails is answered "try again".

    capture.py SOCKET DATABASE LDAP_URL BASE BIND_DN PASSWORD_FILE
"""

import hashlib
import os
import queue
import sys
import traceback

import ldap3
import Milter
import psycopg2
from ldap3.core.exceptions import LDAPException
from ldap3.utils.conv import escape_filter_chars

LDAP_SECONDS = 5

PREPARE = """
prepare keep as
insert into capture (queue_id, sender, login, client, recipients, size_bytes, digest, message)
values ($1, $2, $3, $4, $5, $6, $7, $8)
"""
KEEP = "execute keep (%s, %s, %s, %s, %s, %s, %s, %s)"


class Pool:
    """Open connections, each for one thread at a time.

    Debian's libmilter has a few threads for all SMTP sessions, so a connection belongs to neither.
    """

    def __init__(self, connect, broken):
        self.connect, self.broken, self.idle = connect, broken, queue.LifoQueue()

    def use(self, work):
        """Works with a connection; one that broke while nobody used it is replaced once."""
        try:
            connection, is_fresh = self.idle.get_nowait(), False
        except queue.Empty:
            connection, is_fresh = self.connect(), True
        try:
            result = work(connection)
        except self.broken:
            if is_fresh:
                raise
            connection = self.connect()
            result = work(connection)
        self.idle.put(connection)
        return result


class People:
    """The directory."""

    def __init__(self, url, base, name, password):
        server = ldap3.Server(url, get_info=ldap3.NONE, connect_timeout=LDAP_SECONDS)
        self.server, self.base, self.name, self.password = server, base, name, password
        self.pool = Pool(self.connect, LDAPException)

    def connect(self):
        return ldap3.Connection(
            self.server,
            self.name,
            self.password,
            client_strategy=ldap3.SAFE_SYNC,
            auto_bind=True,
            read_only=True,
            receive_timeout=LDAP_SECONDS,
            # The schema is not read, and a search that fails must not look like one without a result.
            check_names=False,
            raise_exceptions=True,
        )

    def is_flagged(self, address, login):
        """One look-up for both names."""
        names = ""
        if address:
            escaped = escape_filter_chars(address)
            names += f"(mail={escaped})(mailAlternateAddress={escaped})"
        if login:
            escaped = escape_filter_chars(login)
            names += f"(uid={escaped})(mail={escaped})"
        if not names:
            return False
        wanted = f"(&(|{names})(IsMailMonitor=Y))"
        nothing = ldap3.NO_ATTRIBUTES
        search = lambda connection: connection.search(self.base, wanted, attributes=nothing)
        _done, _result, entries, _request = self.pool.use(search)
        return bool(entries)


class Book:
    """The database."""

    def __init__(self, database):
        self.database = database
        self.pool = Pool(self.connect, psycopg2.OperationalError)

    def connect(self):
        connection = psycopg2.connect(self.database)
        # A single statement is a transaction: its answer comes after the commit.
        connection.autocommit = True
        connection.cursor().execute(PREPARE)
        return connection

    def keep(self, row):
        self.pool.use(lambda connection: connection.cursor().execute(KEEP, row))


@Milter.header_leading_space
class Capture(Milter.Base):
    """One SMTP session. A message begins at MAIL."""

    people = None
    book = None

    def setsymlist(self, stage, *macros):
        # pymilter 1.0.5 gives bytes to a function that wants text, and then agrees to whatever
        # Postfix offers: without the leading space, and with an answer for each header field.
        return self._ctx.setsymlist(stage, " ".join(macros))

    def begin(self, sender=b""):
        self.sender, self.recipients = sender.strip(b"<>"), []
        self.head, self.body_chunks = [], []

    @Milter.symlist("{auth_authen}", "{client_addr}")
    @Milter.decode("bytes")
    def envfrom(self, sender, *_parameters):
        self.begin(sender)
        self.login = self.getsymval("{auth_authen}")
        self.client = self.getsymval("{client_addr}")
        try:
            flagged = self.people.is_flagged(text(self.sender), self.login)
        except LDAPException:
            traceback.print_exc()
            return Milter.TEMPFAIL
        return Milter.CONTINUE if flagged else Milter.ACCEPT

    @Milter.symlist("{client_addr}")
    @Milter.decode("bytes")
    @Milter.noreply
    def envrcpt(self, recipient, *_parameters):
        self.recipients.append(text(recipient.strip(b"<>")))
        return Milter.CONTINUE

    @Milter.decode("bytes")
    @Milter.noreply
    def header(self, name, value):
        # The value has its leading space; lines within it end in LF.
        self.head.append(name.encode() + b":" + value.replace(b"\n", b"\r\n") + b"\r\n")
        return Milter.CONTINUE

    @Milter.noreply
    def body(self, chunk):
        self.body_chunks.append(chunk)
        return Milter.CONTINUE

    @Milter.symlist("i")
    def eom(self):
        message = b"".join([*self.head, b"\r\n", *self.body_chunks])
        row = (
            self.getsymval("i"),
            text(self.sender),
            self.login,
            self.client,
            self.recipients,
            len(message),
            hashlib.sha256(message).digest(),
            message,
        )
        self.begin()
        try:
            self.book.keep(row)
        except psycopg2.Error:
            traceback.print_exc()
            return Milter.TEMPFAIL
        self.quarantine("flagged")
        return Milter.ACCEPT

    def abort(self):
        self.begin()
        return Milter.CONTINUE


def text(raw):
    """PostgreSQL's text is UTF-8; other bytes are shown by their numbers."""
    return raw.decode(errors="backslashreplace")


def main():
    socket, database, url, base, name, password_file = sys.argv[1:]
    with open(password_file, encoding="ascii") as file:
        password = file.read().strip()
    Capture.people = People(url, base, name, password)
    Capture.book = Book(database)
    Milter.factory = Capture
    # Postfix reaches a UNIX socket through its group.
    os.umask(0o007)
    Milter.runmilter("capture", socket)


main()

-- A flagged person's message is quarantined, and not changed.
local conn = connect()
begin(conn, "4jWkMG56f7z1j", "flagged")
must("body", mt.bodystring(conn, "Good day,\r\n"))
held(conn)
mt.disconnect(conn)

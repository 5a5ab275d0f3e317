-- A message far beyond what the spool keeps in memory is quarantined as any other.
local conn = connect()
begin(conn, "4jWkMG56f7z1p", "oversized")
for _ = 1, 200 do
    must("body", mt.bodystring(conn, string.rep("0123456789abcde\n", 4000)))
end
held(conn)
mt.disconnect(conn)

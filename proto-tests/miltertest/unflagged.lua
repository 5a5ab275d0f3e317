-- An unflagged person's message is accepted at MAIL, and nothing more of it is wanted.
local conn = connect()
mail(conn, "ben@corp.test", SMFIR_ACCEPT)
mt.disconnect(conn)

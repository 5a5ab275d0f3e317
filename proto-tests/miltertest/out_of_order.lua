-- Steps that come twice, too late or not at all: whatever is answered, nothing flagged is accepted
-- without a quarantine. Each attempt has a connection of its own; the milter may end it.

-- A milter may also say nothing to what comes out of order.
mt.set_timeout(1)

local unpack = table.unpack or unpack

-- What is in order must go well. Of what is not, a step may fail, in miltertest's own function: then the
-- milter has hung up or says nothing, which lets nothing through, and nothing more can be sent.
local function attempt(what, in_order, out_of_order)
    local conn = connect()
    in_order(conn)
    for _, step in ipairs(out_of_order) do
        assert(type(step[1]) == "function", what)
        local sent, problem = pcall(step[1], conn, unpack(step, 2))
        if not sent or problem ~= nil then
            break
        end
    end
    local reply = mt.getreply(conn)
    if reply == SMFIR_ACCEPT and not mt.eom_check(conn, MT_QUARANTINE) then
        error(what .. ": accepted without a quarantine")
    end
    pcall(mt.disconnect, conn, false)
end

attempt("MAIL twice", function(conn)
    mail(conn, "anna@corp.test", SMFIR_CONTINUE)
end, {
    { mt.mailfrom, "<anna@corp.test>" },
    { mt.rcptto, "<bob@elsewhere.test>" },
    { mt.data },
})
attempt("a recipient behind the header", function(conn)
    begin(conn, "4jWkMG56f7z1t", "late recipient")
end, {
    { mt.rcptto, "<eve@elsewhere.test>" },
    { mt.eom },
})
attempt("the end of the header twice", function(conn)
    begin(conn, "4jWkMG56f7z1y", "twice")
end, {
    { mt.eoh },
    { mt.eom },
})
attempt("a header field behind the body", function(conn)
    begin(conn, "4jWkMG56f7z1v", "late field")
    must("body", mt.bodystring(conn, "body\r\n"))
end, {
    { mt.header, "X-Late", "yes" },
    { mt.eom },
})
attempt("DATA behind the body", function(conn)
    begin(conn, "4jWkMG56f7z1w", "late data")
    must("body", mt.bodystring(conn, "body\r\n"))
end, {
    { mt.data },
    { mt.eom },
})
attempt("an end without a queue ID", function(conn)
    mail(conn, "anna@corp.test", SMFIR_CONTINUE)
    rcpt(conn, "bob@elsewhere.test")
    data(conn)
    header(conn, "no queue ID")
    must("body", mt.bodystring(conn, "body\r\n"))
end, {
    { mt.eom },
})
attempt("the end twice", function(conn)
    begin(conn, "4jWkMG56f7z1x", "twice the end")
    must("body", mt.bodystring(conn, "body\r\n"))
    held(conn)
end, {
    { mt.eom },
})
-- And the milter is there for everybody else.
mt.set_timeout(10)
local conn = connect()
mail(conn, "ben@corp.test", SMFIR_ACCEPT)
mt.disconnect(conn)

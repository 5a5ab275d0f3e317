-- Runs one script, with what all of them need: the steps of a message with Postfix's macros, each with
-- its answer checked. "socket", "scripts" and "script" are given on the command line.

function must(what, error_text)
    if error_text ~= nil then
        error(what .. ": " .. error_text)
    end
end

function answered(conn, what, wanted)
    local got = mt.getreply(conn)
    if got ~= wanted then
        error(string.format("%s was answered %q, not %q", what, string.char(got), string.char(wanted)))
    end
end

function connect()
    local conn = mt.connect(socket, 40, 0.05)
    if conn == nil then
        error("nobody listens at " .. socket)
    end
    must("negotiate", mt.negotiate(conn, nil, nil, nil))
    if not mt.test_action(conn, SMFIF_QUARANTINE) then
        error("the milter does not ask for quarantine")
    end
    return conn
end

function mail(conn, sender, wanted)
    local login = string.match(sender, "^[^@]*")
    must("macros of MAIL", mt.macro(conn, SMFIC_MAIL,
        "{mail_addr}", sender, "{auth_authen}", login, "{client_addr}", "192.0.2.7", "{daemon_name}", "mx.corp.test"))
    must("MAIL", mt.mailfrom(conn, "<" .. sender .. ">"))
    answered(conn, "MAIL", wanted)
end

-- miltertest sends no macros later than these, so that the queue ID comes here; so it does from sendmail.
function rcpt(conn, recipient, queue_id)
    if queue_id == nil then
        must("macros of RCPT", mt.macro(conn, SMFIC_RCPT, "{rcpt_addr}", recipient))
    else
        must("macros of RCPT", mt.macro(conn, SMFIC_RCPT, "{rcpt_addr}", recipient, "i", queue_id))
    end
    must("RCPT", mt.rcptto(conn, "<" .. recipient .. ">"))
end

function data(conn)
    must("DATA", mt.data(conn))
    answered(conn, "DATA", SMFIR_CONTINUE)
end

function header(conn, subject)
    must("From", mt.header(conn, "From", "Anna <anna@corp.test>"))
    must("Subject", mt.header(conn, "Subject", subject))
    must("end of header", mt.eoh(conn))
end

-- A flagged message up to its body.
function begin(conn, queue_id, subject)
    mail(conn, "anna@corp.test", SMFIR_CONTINUE)
    rcpt(conn, "bob@elsewhere.test", queue_id)
    data(conn)
    header(conn, subject)
end

function held(conn)
    must("end of message", mt.eom(conn))
    answered(conn, "the end", SMFIR_ACCEPT)
    if not mt.eom_check(conn, MT_QUARANTINE) then
        error("accepted without a quarantine")
    end
    for _, change in ipairs({ MT_HDRADD, MT_HDRCHANGE, MT_HDRDELETE, MT_HDRINSERT, MT_BODYCHANGE }) do
        if mt.eom_check(conn, change) then
            error("the message was changed")
        end
    end
end

-- miltertest itself says nothing of an error.
local fine, problem = pcall(dofile, scripts .. "/" .. script .. ".lua")
if not fine then
    mt.echo(problem)
end

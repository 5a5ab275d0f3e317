# What the pages say in English. Every message stands in every catalogue; a test compares them.
skip-to-content = Skip to the content
nav-label = Places
sign-out = Sign out
close = Close
save = Save
request-failed = No answer. If you have just decided, look at the message again: whether it was stored is not known. Check the connection.
request-busy = Working …
request-missed = Your decision came before this message could be read, and did not count. Read it, and decide.
request-lapsed = You are signed out, and nothing was decided. Copy your note before you go on: you will be asked to sign in.
request-unkept = Your note was not stored:

place-inbox = Reviews
place-log = Record
place-health = Health
place-strays = Strays
place-settings = Settings
place-preferences = Preferences

sign-in-title = Sign in
sign-in-purpose = Held mail is read and decided here. What you do is recorded under your name.
sign-in-login = User name
sign-in-password = Password
sign-in = Sign in
sign-in-wrong = Name or password is wrong, or this account may not review mail.
sign-in-wait = Too many tries. Wait { $n } { $n ->
    [one] second
   *[other] seconds
  } and try again.

language = Language
theme = Theme
theme-auto = As the system says
theme-light = Light
theme-dark = Dark
keys = Keys
keys-purpose = One key for each act. Keys do nothing while you type. Arrows move as well; Enter opens.
keys-on = Use keys
keys-change = Change keys
keys-fault = Each act needs a key of its own: a letter, a digit or a sign.
preferences-saved = Saved.
key-next = Next message
key-previous = Previous message
key-open = Open the message
key-release = Release
key-discard = Discard
key-return = Return to sender
key-note = Write a note
key-search = Search
key-help = Show these keys

inbox-title = Reviews
search-label = Search in subjects, addresses and names of attachments
search = Search
search-help = What can be searched for
filters = Filters
filter-waiting = Waiting
filter-attachment = With attachments
filter-doubt = Doubtful
filter-decided = Decided
filter-all = All
pages = Pages
pages-first = To the beginning
pages-next = Next page
list-empty = Nothing here.
list-to = to
list-more = { $first } and { $n } more
list-count = { $n ->
    [one] { $n } message
   *[other] { $n } messages
  }
list-count-so-far = { $n ->
    [one] { $n } message so far
   *[other] { $n } messages so far
  }
list-count-more = More than { $n } messages
list-unlisted = { $n ->
    [one] { $n } message is not taken apart yet, and not searched.
   *[other] { $n } messages are not taken apart yet, and not searched.
  }
list-unlisted-more = More than { $n } messages are not taken apart yet, and not searched.
list-unlisted-at-least = { $n ->
    [0] There may be messages that are not taken apart yet, and not searched.
    [one] At least { $n } message is not taken apart yet, and not searched.
   *[other] At least { $n } messages are not taken apart yet, and not searched.
  }
list-cut = More may come: of the messages that are not taken apart yet, not all were looked through.
due-late = late
due-soon = due in { $it }
mark-attachments = { $n ->
    [one] { $n } attachment
   *[other] { $n } attachments
  }
mark-doubtful = doubtful
mark-doubted = changed on hold
mark-twins = sent twice
mark-external = external
no-subject = (no subject)
pane-none = Choose a message on the left.
back-to-list = Back to the list

query-unknown-term = There is no search term “{ $it }”. Known are from, to, domain, subject, has, larger, smaller, before, after, state.
query-bad-date = “{ $it }” is no date such as 2026-01-31.
query-bad-size = “{ $it }” is no size such as 500K or 5M.
query-unknown-state = “{ $it }” is no state. Known are waiting, held, captured, decided, released, discarded, returned, gone, never_queued, all.
query-unknown-thing = “{ $it }” is nothing that a message can have. Known are attachment, html, image, doubt.
query-no-value = “{ $it }” needs a value.
query-too-many-terms = The search has too many terms.
query-too-long = The search is too long.
query-open-quote = A quotation mark is missing after “{ $it }”.

decide = Decide
release = Release
discard = Discard
return = Return to sender
reason = Reason
reason-none = (none)
reason-business = Business as usual
reason-confidential = Holds confidential matters
reason-personal = Private mail
reason-recipient = Wrong recipient
reason-suspicious = Suspicious
note = Note
no-return-null-sender = This message has no sender, so nobody would hear of a return.
no-return-notify-never = The sender asked to hear of nothing (NOTIFY=NEVER), so nobody would hear of a return.
told-release = Decided: release. { $it }
told-discard = Decided: discard. { $it }
told-return = Decided: return to sender. { $it }
told-next = Here is the next message.
told-none-left = Nothing else waits here.

decided-by = { $reviewer } decided at { $when }: { $decision ->
    [release] release
    [discard] discard
   *[return] return to sender
  }.
lost-to-me = You have decided this already. { $it }
lost-to = You were not the first. { $it } Nothing of yours was stored.
lost-not-held = This message is not seen in the hold queue yet. Try again in a moment.
lost-settled = This message has left the hold queue without a decision. { $it }
lost-nobody = Nobody would hear of a return: release or discard it.
standing-captured = Not seen in the hold queue yet; it can be decided in a moment.
standing-held = Waits for a decision.
standing-decided = Decided, not carried out yet.
standing-failed = Decided, not carried out yet: it is tried again. The last try came to nothing: { $it }.
standing-sent = Sent to Postfix.
standing-released = Released: Postfix delivers it.
standing-discarded = Discarded.
standing-returned = Returned to its sender.
standing-gone = Gone: another hand took it out of the hold queue.
standing-never_queued = Postfix never took this message.

warnings = Warnings
warn-queue-file = The file in the hold queue is not the message that was captured, seen { $it }:
warn-no-from = The message names no author (From).
warn-several-from = The message names several authors (From):
warn-from-differs = The author shown is not who sent it:
warn-sender-differs = Another sender is named (Sender):
warn-reply-to-differs = Answers go elsewhere (Reply-To):
warn-name-poses = The author’s name looks like another address:
warn-link = A link leads elsewhere than it says:
warn-twins = { $n ->
    [one] The same person sent this once more:
   *[other] The same person sent this { $n } times more:
  }
doubt-boundary-out-of-place = Programs may see other parts than those shown: a boundary is out of place.
doubt-two-parameters = Programs may see other parts than those shown: a parameter is given twice.
doubt-no-boundary = Programs may see other parts than those shown: the boundary is missing.
doubt-unclosed = The message breaks off: its last part has no end.
doubt-two-fields = A header field that may stand once stands twice:
doubt-bad-header = The header holds a line that is no field:
doubt-too-deep = Parts lie too deep to be shown.
doubt-too-many-parts = There are too many parts to be shown.
doubt-two-readings = Two ways to read this message give different parts.
doubt-bad-encoding = A part does not follow its encoding; programs may read it otherwise.
doubt-unknown-charset = The character set is not known:
doubt-bad-text = Some bytes mean nothing in their character set.
doubt-nul = The text holds NUL signs.
doubt-unopened = Holds a file format that is not taken apart:
doubt-encrypted = Encrypted: it cannot be read here.
doubt-text-differs-from-html = Text and HTML say different things. Read both.
doubt-other-type = A file is not what it says it is:
doubt-hidden-text = The HTML holds text that its reader may not see, or that the tab HTML here does not show.

fact-from = From
fact-sender = Sender
fact-reply-to = Reply-To
fact-to = To and Cc
fact-envelope-sender = Envelope sender
fact-recipients = { $n ->
    [one] Goes to { $n } recipient
   *[other] Goes to { $n } recipients
  }
fact-added = { $n ->
    [one] { $n } recipient was added by Postfix
   *[other] { $n } recipients were added by Postfix
  }
fact-because = Held because
fact-captured = Captured
written-as = written as { $it }
signed-in-as = signed in as { $it }
held-by-rule = rule { $it }
more = { $n } more
more-domains = and { $n ->
    [one] { $n } more domain
   *[other] { $n } more domains
  }
all-recipients = All { $n } recipients
added-added = added
added-rewritten = rewritten
added-redirected = redirected

tabs = Views
tab-text = Text
tab-html = HTML
tab-header = Header
tab-structure = Structure
tab-raw = Raw
only-raw = Only the raw message can be shown.
no-text = This message holds no text.
text-of-html = The text of the HTML:
text-cut = The text goes on; the raw message has all of it.
no-html = This message holds no HTML.
html-safe = Shown without scripts, pictures from elsewhere, forms and styles. Nothing is fetched, and no link can be followed.
html-frame = The message’s HTML, made safe
nested-message = A message within the message
nested-header = Its header
outline-waits = This message is not taken apart yet; here is the raw message.
outline-crashed = This message cannot be taken apart: its reader broke down twice. Here is the raw message; it can be decided.
outline-too-slow = This message takes too long to take apart. Here is the raw message; it can be decided.
outline-too-large = This message is too large to take apart. Here is the raw message; it can be decided.
outline-unreadable = What was found in this message when it was taken apart cannot be read any more. Here is the raw message; it can be decided.
outline-doubtful = Programs may read this message in different ways. Look at the raw message before you decide.
raw-whole = The whole message
raw-cut = Here is the beginning; download the whole.
download = Download
attachments = Attachments
archive = In { $it }
archive-fault = Not listed as a whole
entry-encrypted = encrypted
real-type = is { $it }
links = Links
link-mismatch = not what it says
column-name = Name
column-type = Type
column-size = Size
column-sha256 = SHA-256
column-part = Part
column-encoding = Character set, encoding
column-field = Field
column-value = Value
column-link-text = Text
column-link-host = Leads to
column-link-target = Address
column-when = When
column-who = Who
column-what = What
column-message = Message
column-where = From where
column-detail = Detail
column-queue-id = Queue ID
column-instance = Instance
column-age = Since
column-setting = Setting
column-number = Number

timeline = What was done
timeline-purpose = What is on record of one message, oldest first, the newest thousand entries; nothing of what it says, and no notes.
moment-captured = Captured
moment-held = Seen in the hold queue
moment-note = Note: { $it }
moment-released = Released: handed to Postfix for delivery
moment-discarded = Discarded
moment-returned = Returned to its sender
moment-gone = Gone from the hold queue by another hand
moment-never_queued = Never came into Postfix’s queue
moment-viewed = { $actor } looked at it
moment-timeline = { $actor } looked at what was done with it
moment-downloaded = { $actor } downloaded { $detail }
moment-refused = { $actor } was refused: { $detail }
moment-not-allowed = { $actor } was refused { $act ->
    [list] the list
    [view] a look at it
    [view_raw] the raw message
    [download] a download
    [release] the decision to release it
    [discard] the decision to discard it
    [return] the decision to return it
    [see_timeline] a look at what was done with it
   *[other] { $act }
  }: { $why ->
    [not_your_role] nobody with their roles may do this
    [out_of_scope] it is not in their scope
    [own_mail] it is their own mail
   *[nothing_known] nothing is known of it
  }
moment-form = { $actor } was refused a form without the mark of this session: too old, or not from here
moment-too-late = { $actor } was refused a decision: too late or not possible
moment-adopted = { $actor } adopted it
moment-command = { $actor } at the command line: { $detail }

log-purpose = Everything that was done here, newest first. Entries cannot be changed; mailhold audit verify proves it.
health-purpose = What waits, and since when.
health-waiting = What waits
health-held = Held, waiting for a decision
health-captured = Captured, not seen in the hold queue yet
health-decided = Decided, not carried out yet
health-outlines = Not taken apart yet
strays-purpose = Mail on hold that nobody captured. Nothing acts on it by itself; adopt it with mailhold strays adopt.
settings-purpose = What is in force here. To change it, edit the configuration and restart.
table-empty = Nothing here.

age-seconds = { $n } s
age-minutes = { $n } min
age-hours = { $n } h
age-days = { $n } d
size-bytes = { $n } B
size-kib = { $n } KiB
size-mib = { $n } MiB
size-gib = { $n } GiB

error-title = That did not work
error-reference = Reference:
error-back = Back
error-signed-out = You are not signed in, or not any more.
error-not-found = There is no such thing here.
error-refused = You may not do that. The try is on record.
error-token = The form was too old, or not one of this desk. Nothing was done; load the page again.
error-foreign = This came from a page of another site. Nothing was done.
error-host = This is not the address of this desk. Check it.
error-malformed = That was not understood. Nothing was done.
error-long-note = The note is longer than 1,000 characters. Nothing was done; shorten it, and decide again.
error-away = A service that is needed is away. Try again in a moment.
error-away-form = A service that is needed is away. What you sent was stored as a whole or not at all: look again in a moment before you repeat it.
error-ours = A fault of our own. Look again before you repeat what you did.
kind-signed_in = signed in
kind-sign_in_failed = was not let in
kind-signed_out = signed out
kind-rights_changed = has other rights
kind-searched = searched
kind-viewed = looked at
kind-downloaded = downloaded
kind-decided = decided
kind-refused = was refused
kind-command = command
kind-adopted = adopted
kind-exported = took the record out
state-captured = captured
state-held = held
state-decided = not carried out yet
state-released = released
state-discarded = discarded
state-returned = returned
state-gone = gone
state-never_queued = never queued

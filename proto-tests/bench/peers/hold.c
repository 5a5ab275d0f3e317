/*
 * A milter in C that captures nothing: the least that any milter can cost. It takes part in the same
 * steps as mailhold's and asks for no macro that it does not need.
 *
 *     hold MODE SOCKET [FILE [DATABASE]]
 *
 *                          hold           quarantines every message
 *                          copy           the same with a copy of each, durable before the answer, and no
 *                                         more: nothing is found again, nothing recorded
 *                          record         copies, and has it recorded in PostgreSQL in the plainest way
 *                          pass           accepts every message at the end of its header, where
 *                                         mailhold lets go what comes without a login
 *                          pass-at-mail   the same at MAIL, where mailhold lets go what has a login
 */
#define _GNU_SOURCE
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sysexits.h>
#include <unistd.h>

#include <libmilter/mfapi.h>

#include "record.h"

enum mode { HOLD, COPY, RECORD, PASS, PASS_AT_MAIL };

static enum mode mode;
static int is_inet;

static int is_copying(void)
{
    return mode == COPY || mode == RECORD;
}

static int is_holding(void)
{
    return mode == HOLD || is_copying();
}

/* Copies go round in one file that is full of zeros: a sync of them changes no length and no extent. */
enum { BLOCK = 4096, SPACE = 64 << 20 };

static int copies;
static atomic_size_t copied;

/* What a connection has of its message. */
struct content {
    char *bytes;
    size_t length, space;
};

static struct content *content_of(SMFICTX *session)
{
    struct content *content = smfi_getpriv(session);

    if (content == NULL && (content = calloc(1, sizeof *content)) != NULL)
        smfi_setpriv(session, content);
    return content;
}

/* What does not fit into memory ends the program: nothing of it is measured then. */
static void add(SMFICTX *session, const void *bytes, size_t length)
{
    struct content *content = content_of(session);

    if (content == NULL)
        exit(EX_OSERR);
    if (content->space - content->length < length) {
        content->space = 2 * (content->length + length);
        if ((content->bytes = realloc(content->bytes, content->space)) == NULL)
            exit(EX_OSERR);
    }
    memcpy(content->bytes + content->length, bytes, length);
    content->length += length;
}

/* Every thread syncs for itself. */
static int is_copied(SMFICTX *session)
{
    struct content *content = content_of(session);
    size_t blocks, at;

    if (content == NULL || content->length > SPACE)
        return 0;
    blocks = (content->length + BLOCK - 1) / BLOCK * BLOCK;
    at = atomic_fetch_add(&copied, blocks) % SPACE;
    /* A piece behind the end makes the file longer by it, once. */
    return pwrite(copies, content->bytes, content->length, at) == (ssize_t)content->length &&
           fdatasync(copies) == 0;
}

static int are_copies_made(const char *path)
{
    static char zeros[BLOCK];

    if ((copies = open(path, O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC, 0600)) < 0)
        return 0;
    for (off_t at = 0; at < SPACE; at += BLOCK)
        if (pwrite(copies, zeros, BLOCK, at) != BLOCK)
            return 0;
    return fsync(copies) == 0;
}

/*
 * libmilter gives its user no connection to tune, so its two calls are answered here. Without this
 * the quarantine request and the last reply, two small segments, wait for delayed acknowledgements.
 */
int accept(int listener, __SOCKADDR_ARG address, socklen_t *length)
{
    struct sockaddr *restrict peer = address.__sockaddr__;
    int connection = accept4(listener, peer, length, 0), on = 1;

    if (is_inet && connection >= 0)
        setsockopt(connection, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    return connection;
}

ssize_t read(int file, void *buffer, size_t length)
{
    ssize_t n = syscall(SYS_read, file, buffer, length);
    int on = 1;

    /* Linux falls back to delayed acknowledgements by itself: tcp(7), TCP_QUICKACK. */
    if (is_inet && n > 0)
        setsockopt(file, IPPROTO_TCP, TCP_QUICKACK, &on, sizeof on);
    return n;
}

static sfsistat on_negotiate(SMFICTX *session, unsigned long offered_actions,
                             unsigned long offered_steps, unsigned long unused1,
                             unsigned long unused2, unsigned long *actions, unsigned long *steps,
                             unsigned long *none1, unsigned long *none2)
{
    unsigned long wanted = SMFIP_NOCONNECT | SMFIP_NOHELO | SMFIP_NOUNKNOWN | SMFIP_HDR_LEADSPC |
                           SMFIP_NR_RCPT | SMFIP_NR_HDR | SMFIP_NR_BODY;

    (void)unused1;
    (void)unused2;
    if (is_holding())
        wanted |= SMFIP_NR_EOH;
    if (!(offered_actions & SMFIF_QUARANTINE) || (offered_steps & wanted) != wanted)
        return SMFIS_REJECT;
    *actions = SMFIF_QUARANTINE | SMFIF_SETSYMLIST;
    *steps = wanted;
    *none1 = *none2 = 0;
    /*
     * Where nothing is asked for, Postfix sends all that its own settings name, even of a step that
     * it leaves out. The queue ID is wanted at the end of the message only.
     */
    for (int stage = SMFIM_FIRST; stage <= SMFIM_LAST; stage++)
        if (smfi_setsymlist(session, stage, "i") != MI_SUCCESS)
            return SMFIS_REJECT;
    return SMFIS_CONTINUE;
}

static sfsistat on_mail(SMFICTX *session, char **arguments)
{
    (void)arguments;
    if (is_copying() && content_of(session) != NULL)
        content_of(session)->length = 0;
    return mode == PASS_AT_MAIL ? SMFIS_ACCEPT : SMFIS_CONTINUE;
}

static sfsistat on_rcpt(SMFICTX *session, char **arguments)
{
    (void)session;
    (void)arguments;
    return SMFIS_NOREPLY;
}

static sfsistat on_data(SMFICTX *session)
{
    (void)session;
    return SMFIS_CONTINUE;
}

static sfsistat on_header(SMFICTX *session, char *name, char *value)
{
    if (is_copying()) {
        add(session, name, strlen(name));
        add(session, ":", 1);
        add(session, value, strlen(value));
        add(session, "\r\n", 2);
    }
    return SMFIS_NOREPLY;
}

static sfsistat on_end_of_header(SMFICTX *session)
{
    if (is_copying())
        add(session, "\r\n", 2);
    return is_holding() ? SMFIS_NOREPLY : SMFIS_ACCEPT;
}

static sfsistat on_body(SMFICTX *session, unsigned char *chunk, size_t length)
{
    if (is_copying())
        add(session, chunk, length);
    return SMFIS_NOREPLY;
}

static sfsistat on_end_of_message(SMFICTX *session)
{
    const char *queue_id = smfi_getsymval(session, "i");

    if (is_copying() && !is_copied(session))
        return SMFIS_TEMPFAIL;
    if (is_holding() && (queue_id == NULL || smfi_quarantine(session, "peer") != MI_SUCCESS))
        return SMFIS_TEMPFAIL;
    if (mode == RECORD)
        record(queue_id, content_of(session)->bytes, content_of(session)->length);
    return SMFIS_ACCEPT;
}

static sfsistat on_close(SMFICTX *session)
{
    struct content *content = smfi_getpriv(session);

    if (content != NULL) {
        free(content->bytes);
        free(content);
        smfi_setpriv(session, NULL);
    }
    return SMFIS_CONTINUE;
}

static const struct smfiDesc milter = {
    .xxfi_name = "hold",
    .xxfi_version = SMFI_VERSION,
    .xxfi_flags = SMFIF_QUARANTINE | SMFIF_SETSYMLIST,
    .xxfi_negotiate = on_negotiate,
    .xxfi_envfrom = on_mail,
    .xxfi_envrcpt = on_rcpt,
    .xxfi_data = on_data,
    .xxfi_header = on_header,
    .xxfi_eoh = on_end_of_header,
    .xxfi_body = on_body,
    .xxfi_eom = on_end_of_message,
    .xxfi_close = on_close,
};

int main(int n_arguments, char **arguments)
{
    if (n_arguments == 3 && strcmp(arguments[1], "hold") == 0)
        mode = HOLD;
    else if (n_arguments == 3 && strcmp(arguments[1], "pass") == 0)
        mode = PASS;
    else if (n_arguments == 3 && strcmp(arguments[1], "pass-at-mail") == 0)
        mode = PASS_AT_MAIL;
    else if (n_arguments == 4 && strcmp(arguments[1], "copy") == 0)
        mode = COPY;
    else if (n_arguments == 5 && strcmp(arguments[1], "record") == 0)
        mode = RECORD;
    else {
        fputs("usage: hold {hold|pass|pass-at-mail} SOCKET\n       hold copy SOCKET FILE\n"
              "       hold record SOCKET FILE DATABASE\n", stderr);
        return EX_USAGE;
    }
    if (is_copying() && !are_copies_made(arguments[3])) {
        fprintf(stderr, "hold: cannot fill %s\n", arguments[3]);
        return EX_CANTCREAT;
    }
    if (mode == RECORD)
        record_in(arguments[4], arguments[3]);
    is_inet = strncmp(arguments[2], "inet:", 5) == 0;
    /* Postfix reaches a UNIX socket through its group. */
    umask(007);
    if (smfi_setconn(arguments[2]) != MI_SUCCESS || smfi_setbacklog(1024) != MI_SUCCESS ||
        smfi_register(milter) != MI_SUCCESS || smfi_opensocket(1) != MI_SUCCESS) {
        fprintf(stderr, "hold: cannot listen on %s\n", arguments[2]);
        return EX_UNAVAILABLE;
    }
    return smfi_main() == MI_SUCCESS ? EX_OK : EX_SOFTWARE;
}

/*
 * The plainest record that PostgreSQL can keep of copied messages: two rows of each, found by their
 * number alone, written by COPY 25 ms after the ones before and marked once more after 100 ms. No fact beyond the queue
 * ID, no check, no trigger, nobody looks at the hold queue. What fails ends the program: nothing of it is
 * measured then.
 */
#include <arpa/inet.h>
#include <endian.h>
#include <limits.h>
#include <pthread.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sysexits.h>
#include <time.h>

#include <postgresql/libpq-fe.h>

#include "record.h"

/* The paces of mailhold's recorder and of its worker. */
enum { PACE_NS = 25000000, MARK_EVERY = 4 };

static const char TABLES[] =
    "create table fact (number bigint primary key, queue_id text not null, is_marked boolean not null);"
    "create table content (number bigint primary key, bytes bytea not null);"
    /* As mailhold has it: small contents in their row as they are. */
    "alter table content alter column bytes set storage external;"
    "alter table content set (toast_tuple_target = 8160)";
static const char FACTS[] = "copy fact from stdin (format binary)";
static const char CONTENTS[] = "copy content from stdin (format binary)";
static const char MARK[] = "update fact set is_marked = true where number between $1 and $2";

/* Rows on their way, in PostgreSQL's binary form of COPY. */
struct rows {
    char *bytes;
    size_t length, space;
};

static PGconn *database;
static pthread_mutex_t gate = PTHREAD_MUTEX_INITIALIZER;
static struct rows facts, contents;
static uint64_t last_number;
static FILE *marks;

static void fail(const char *what)
{
    fprintf(stderr, "record: %s: %s\n", what, PQerrorMessage(database));
    exit(EX_OSERR);
}

static void expect(PGresult *result, ExecStatusType status, const char *what)
{
    if (PQresultStatus(result) != status)
        fail(what);
    PQclear(result);
}

static void add(struct rows *rows, const void *bytes, size_t length)
{
    if (rows->space - rows->length < length) {
        rows->space = 2 * (rows->length + length);
        if ((rows->bytes = realloc(rows->bytes, rows->space)) == NULL)
            fail("memory");
    }
    memcpy(rows->bytes + rows->length, bytes, length);
    rows->length += length;
}

static void add_field(struct rows *rows, const void *bytes, size_t length)
{
    uint32_t announced = htonl(length);

    add(rows, &announced, sizeof announced);
    add(rows, bytes, length);
}

static void add_row(struct rows *rows, uint16_t n_fields, uint64_t number)
{
    static const char HEAD[19] = "PGCOPY\n\377\r\n";
    uint16_t count = htons(n_fields);
    uint64_t key = htobe64(number);

    if (rows->length == 0)
        add(rows, HEAD, sizeof HEAD);
    add(rows, &count, sizeof count);
    add_field(rows, &key, sizeof key);
}

void record(const char *queue_id, const char *bytes, size_t length)
{
    pthread_mutex_lock(&gate);
    last_number++;
    add_row(&facts, 3, last_number);
    add_field(&facts, queue_id, strlen(queue_id));
    add_field(&facts, "", 1);
    add_row(&contents, 2, last_number);
    add_field(&contents, bytes, length);
    pthread_mutex_unlock(&gate);
}

static void copy(const char *statement, struct rows *rows)
{
    static const char END[2] = {'\377', '\377'};

    expect(PQexec(database, statement), PGRES_COPY_IN, statement);
    if (PQputCopyData(database, rows->bytes, rows->length) != 1 ||
        PQputCopyData(database, END, sizeof END) != 1 || PQputCopyEnd(database, NULL) != 1)
        fail(statement);
    expect(PQgetResult(database), PGRES_COMMAND_OK, statement);
    PQclear(PQgetResult(database));
    free(rows->bytes);
}

static void mark(uint64_t first, uint64_t last)
{
    uint64_t bounds[2] = {htobe64(first), htobe64(last)};
    const char *values[2] = {(const char *)&bounds[0], (const char *)&bounds[1]};
    const int lengths[2] = {sizeof bounds[0], sizeof bounds[1]}, formats[2] = {1, 1};

    expect(PQexecPrepared(database, "mark", 2, values, lengths, formats, 1), PGRES_COMMAND_OK, MARK);
    /* Always the same length: a reader never sees the end of an older number. */
    rewind(marks);
    if (fprintf(marks, "%020llu\n", (unsigned long long)last) < 0 || fflush(marks) != 0)
        fail("marks");
}

static void *run(void *unused)
{
    uint64_t recorded = 0, marked = 0;

    (void)unused;
    for (unsigned round = 0;; round++) {
        struct timespec pace = {.tv_nsec = PACE_NS};
        struct rows some_facts, some_contents;

        nanosleep(&pace, NULL);
        if (round % MARK_EVERY == 0 && recorded > marked) {
            mark(marked + 1, recorded);
            marked = recorded;
        }
        pthread_mutex_lock(&gate);
        some_facts = facts;
        some_contents = contents;
        memset(&facts, 0, sizeof facts);
        memset(&contents, 0, sizeof contents);
        recorded = last_number;
        pthread_mutex_unlock(&gate);
        if (some_facts.length == 0)
            continue;
        expect(PQexec(database, "begin"), PGRES_COMMAND_OK, "begin");
        copy(FACTS, &some_facts);
        copy(CONTENTS, &some_contents);
        expect(PQexec(database, "commit"), PGRES_COMMAND_OK, "commit");
    }
    return NULL;
}

void record_in(const char *where, const char *file)
{
    char path[PATH_MAX];
    pthread_t thread;

    if (snprintf(path, sizeof path, "%s.marked", file) >= (int)sizeof path ||
        (marks = fopen(path, "w")) == NULL)
        fail("marks");

    database = PQconnectdb(where);
    if (PQstatus(database) != CONNECTION_OK)
        fail("connect");
    expect(PQexec(database, TABLES), PGRES_COMMAND_OK, TABLES);
    expect(PQprepare(database, "mark", MARK, 0, NULL), PGRES_COMMAND_OK, MARK);
    if (pthread_create(&thread, NULL, run, NULL) != 0)
        fail("thread");
}

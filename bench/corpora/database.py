"""Makes a seeded SQLite file, or updates rows of one in place.

database.py make FILE BYTES SEED
database.py update FILE ROWS SEED
database.py insert FILE ROWS SEED
database.py vacuum FILE 0 0

A row is about 1 KB: two short texts, two numbers, pseudo-text, and a token that does not compress. An update
sets the two numbers, so that it touches one page of the table and no index.
"""

import random
import sqlite3
import sys

ROWS_AT_ONCE = 500


def connect(path):
    connection = sqlite3.connect(path, isolation_level=None)
    for line in ("page_size=4096", "journal_mode=OFF", "synchronous=OFF", "cache_size=-65536"):
        connection.execute("PRAGMA " + line).fetchall()
    return connection


def vocabulary(numbers):
    letters = "etaoinshrdlucmfwypvbgkjqxz"
    def word():
        length = 2 + int(numbers.random() * 8)
        return "".join(letters[int(numbers.random() ** 1.7 * 26)] for _ in range(length))
    return [word() for _ in range(6000)]


def row(numbers, words, weights):
    picked = numbers.choices(words, cum_weights=weights, k=60 + int(numbers.random() * 80))
    return (
        picked[0] + " " + picked[1],
        picked[2] + "." + picked[3] + "@" + picked[4] + ".example",
        int(numbers.random() * 1_000_000_000),
        1_600_000_000 + int(numbers.random() * 90_000_000),
        " ".join(picked[5:]),
        numbers.getrandbits(1600).to_bytes(200, "little"),
    )


def weights_of(words):
    weights, total = [], 0.0
    for rank in range(len(words)):
        total += 1.0 / (rank + 3)
        weights.append(total)
    return weights


def add(connection, rows):
    connection.execute("BEGIN")
    connection.executemany(
        "INSERT INTO customer (name, email, balance, updated, note, token) VALUES (?, ?, ?, ?, ?, ?)", rows
    )
    connection.execute("COMMIT")


def make(path, size, seed):
    numbers = random.Random(seed)
    words = vocabulary(numbers)
    weights = weights_of(words)
    connection = connect(path)
    connection.execute(
        "CREATE TABLE customer (id INTEGER PRIMARY KEY, name TEXT, email TEXT,"
        " balance INTEGER, updated INTEGER, note TEXT, token BLOB)"
    )
    connection.execute("CREATE INDEX customer_email ON customer (email)")
    pages = 0
    while pages * 4096 < size:
        add(connection, [row(numbers, words, weights) for _ in range(ROWS_AT_ONCE)])
        (pages,) = connection.execute("PRAGMA page_count").fetchone()
    connection.close()


def update(path, rows, seed):
    numbers = random.Random(seed)
    connection = connect(path)
    (count,) = connection.execute("SELECT count(*) FROM customer").fetchone()
    connection.execute("BEGIN")
    for _ in range(rows):
        balance = int(numbers.random() * 1_000_000_000)
        updated = 1_700_000_000 + int(numbers.random() * 1_000_000)
        which = 1 + int(numbers.random() * count)
        connection.execute("UPDATE customer SET balance = ?, updated = ? WHERE id = ?", (balance, updated, which))
    connection.execute("COMMIT")
    connection.close()


def insert(path, rows, seed):
    numbers = random.Random(seed)
    words = vocabulary(numbers)
    weights = weights_of(words)
    connection = connect(path)
    add(connection, [row(numbers, words, weights) for _ in range(rows)])
    connection.close()


def vacuum(path, _amount, _seed):
    connection = connect(path)
    connection.execute("VACUUM")
    connection.close()


if __name__ == "__main__":
    _, verb, file, amount, seed = sys.argv
    {"make": make, "update": update, "insert": insert, "vacuum": vacuum}[verb](file, int(amount), int(seed))

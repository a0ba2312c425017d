"""Stands in for the making of a shard: says so, and takes long."""

import time


def wait(*arguments):
    print("begun", flush=True)
    time.sleep(300)

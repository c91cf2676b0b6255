"""Reads what seatrial wrote with the readers that others read these formats with.

usage: readers.py junit|openmetrics <TEXT    prints what was read, a line each
"""

import sys

from junitparser import Error, Failure, JUnitXml, Skipped
from prometheus_client.openmetrics.parser import text_string_to_metric_families

WORDS = {Failure: "failure", Error: "error", Skipped: "skipped"}


def junit(text):
    for suite in JUnitXml.fromstring(text.encode()):
        for case in suite:
            words = [WORDS[type(result)] for result in case.result]
            print(suite.name, case.name, *(words or ["success"]), sep="\t")


def openmetrics(text):
    for family in text_string_to_metric_families(text):
        for sample in family.samples:
            labels = sorted(sample.labels.items())
            print(family.type, sample.name, float(sample.value), *labels, sep="\t")


{"junit": junit, "openmetrics": openmetrics}[sys.argv[1]](sys.stdin.read())

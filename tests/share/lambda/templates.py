"""Prints what a CloudFormation template and a Terraform file say, as one JSON value each in a line.

Usage: templates.py TEMPLATE.yaml MAIN.tf. Needs cfn-lint and python-hcl2.
"""

import json
import sys

import cfnlint.decode
import hcl2
from hcl2.utils import SerializationOptions

template, problems = cfnlint.decode.decode(sys.argv[1])
if problems:
    sys.exit(str(problems))
print(json.dumps(template, default=str))
with open(sys.argv[2], encoding="utf-8") as file:
    options = SerializationOptions(strip_string_quotes=True, explicit_blocks=False)
    print(json.dumps(hcl2.load(file, serialization_options=options)))

def explain(judge, claim, failing, line):
    return None

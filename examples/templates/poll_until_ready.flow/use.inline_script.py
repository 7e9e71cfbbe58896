def main(answers: list) -> dict:
    return {"job": answers[-1]["job"], "questions": len(answers)}

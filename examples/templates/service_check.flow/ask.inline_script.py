from urllib.request import urlopen


def main(url: str) -> int:
    with urlopen(url, timeout=10) as answer:
        return answer.status

from .cli import main

if __name__ == "__main__":
    main(f"python -m {__package__}")

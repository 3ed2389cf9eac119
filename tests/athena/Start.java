/** Trino as a program: its own begins in a library of which the registry has no copy. */
void main(String[] arguments) {
    new io.trino.server.Server().start(arguments[0]);
}

// A shared library that is no plug-in.
extern "C" int gatherd_plugin_of_nobody() {
    return 0;
}

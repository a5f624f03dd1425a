# escape=\
FROM a
